/// A number over the steps of a run in bounded memory: each point stands for as many neighbouring steps as it takes to
/// have few of them.
struct ThinnedCurve: Sendable {
  /// Steps that became one point.
  struct Point: Sendable, Equatable {
    /// The last of them.
    var step: Int
    var smallest: Double
    var largest: Double
    var sum: Double
    var count: Int
    /// Values that were not finite; they are in none of the others.
    var missingCount: Int

    var mean: Double? { count > 0 ? sum / Double(count) : nil }
  }

  /// Points that a curve has at most: what a chart of this width can tell apart.
  static let capacity = 1000

  /// By growing step.
  private(set) var points: [Point] = []
  /// Steps that are one point: a power of two.
  private(set) var stepsPerPoint = 1

  /// - Parameters:
  ///   - step: from 1, above all before.
  ///   - value: nil for what is not finite.
  mutating func add(step: Int, value: Double?) {
    while (step - 1) / stepsPerPoint >= Self.capacity { halve() }
    let point = Point(
      step: step, smallest: value ?? .infinity, largest: value ?? -.infinity, sum: value ?? 0,
      count: value == nil ? 0 : 1, missingCount: value == nil ? 1 : 0)
    append(point)
  }

  private mutating func append(_ point: Point) {
    guard let last = points.last, (last.step - 1) / stepsPerPoint == (point.step - 1) / stepsPerPoint else {
      points.append(point)
      return
    }
    points[points.count - 1] = Point(
      step: point.step, smallest: min(last.smallest, point.smallest),
      largest: max(last.largest, point.largest),
      sum: last.sum + point.sum, count: last.count + point.count,
      missingCount: last.missingCount + point.missingCount)
  }

  private mutating func halve() {
    let before = points
    points.removeAll(keepingCapacity: true)
    stepsPerPoint *= 2
    for point in before { append(point) }
  }
}
