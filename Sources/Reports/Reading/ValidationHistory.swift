/// The validations of a run, each with its numbers by the keys of `metrics.jsonl`.
struct ValidationHistory {
  struct Entry: Equatable {
    var step: Int
    /// Nil for what is not finite.
    var values: [String: Double?]
  }

  /// By growing step.
  private(set) var entries: [Entry] = []
  /// Every so many of them is kept.
  private(set) var stride = 1
  private(set) var seenCount = 0
  private let capacity: Int

  init(capacity: Int = 400) {
    precondition(capacity >= 2 && capacity.isMultiple(of: 2))
    self.capacity = capacity
  }

  mutating func add(_ step: Int, _ numbers: [(String, Double?)]) {
    defer { seenCount += 1 }
    guard seenCount.isMultiple(of: stride) else { return }
    if entries.count == capacity {
      entries = Swift.stride(from: 0, to: capacity, by: 2).map { entries[$0] }
      stride *= 2
      guard seenCount.isMultiple(of: stride) else { return }
    }
    let own = numbers.filter { $0.0.hasPrefix("validation_") }
    entries.append(Entry(step: step, values: Dictionary(own) { $1 }))
  }
}
