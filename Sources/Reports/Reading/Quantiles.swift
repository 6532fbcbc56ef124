/// Quantiles of many numbers in bounded memory: exact up to `capacity` of them, then of every second, fourth …
struct Quantiles: Sendable {
  private let capacity: Int
  private var values: [Double] = []
  private(set) var stride = 1
  private var seen = 0

  init(capacity: Int = 1 << 20) {
    precondition(capacity >= 2 && capacity.isMultiple(of: 2))
    self.capacity = capacity
  }

  mutating func add(_ value: Double) {
    defer { seen += 1 }
    guard seen.isMultiple(of: stride) else { return }
    if values.count == capacity {
      values = Swift.stride(from: 0, to: capacity, by: 2).map { values[$0] }
      stride *= 2
      guard seen.isMultiple(of: stride) else { return }
    }
    values.append(value)
  }

  /// The values with the given shares of all below them, between neighbours in proportion; nil where there is none.
  func callAsFunction(_ shares: [Double]) -> [Double]? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    return shares.map { share in
      let place = share * Double(sorted.count - 1)
      let low = Int(place)
      let high = min(low + 1, sorted.count - 1)
      return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
    }
  }
}
