/// How fast steps follow each other by the clock, records and checkpoints included: the last hundred of them.
struct StepPace: Sendable {
  private var ends: [(step: Int, time: Double)] = []
  private static let window = 101

  /// - Parameter time: of the step's end, in seconds on a clock that never jumps.
  mutating func add(step: Int, time: Double) {
    // After a rollback the steps begin anew.
    if let last = ends.last, step <= last.step { ends = [] }
    ends.append((step, time))
    if ends.count > Self.window { ends.removeFirst() }
  }

  /// Nil until two steps have ended.
  var secondsPerStep: Double? {
    guard let first = ends.first, let last = ends.last, last.step > first.step else { return nil }
    return (last.time - first.time) / Double(last.step - first.step)
  }
}
