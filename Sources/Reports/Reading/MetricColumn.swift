/// One key of `metrics.jsonl` over all steps.
final class MetricColumn {
  /// A value of one step.
  struct Place: Equatable, Sendable {
    var step: Int
    /// Nil for what is not finite.
    var value: Double?
  }

  let name: String
  private(set) var last: Place?
  private(set) var smallest: Place?
  private(set) var largest: Place?
  private(set) var count = 0
  private(set) var missingCount = 0
  /// Of the finite values.
  private(set) var sum = 0.0
  private(set) var curve = ThinnedCurve()

  init(_ name: String) { self.name = name }

  /// - Parameter value: nil for null.
  func add(step: Int, value: Double?) {
    let finite = value.flatMap { $0.isFinite ? $0 : nil }
    let place = Place(step: step, value: finite)
    (last, count) = (place, count + 1)
    curve.add(step: step, value: finite)
    guard let finite else {
      missingCount += 1
      return
    }
    sum += finite
    if smallest == nil || finite < smallest!.value! { smallest = place }
    if largest == nil || finite > largest!.value! { largest = place }
  }
}
