/// Some values of the same thing, one a seed.
package struct Spread: Sendable, Equatable {
  package let count: Int
  package let mean: Double
  /// The sample standard deviation, over n − 1; nil for a single value.
  package let deviation: Double?

  /// Nil without values.
  package init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    count = values.count
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    guard values.count > 1 else {
      deviation = nil
      return
    }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = (squares / Double(values.count - 1)).squareRoot()
  }
}
