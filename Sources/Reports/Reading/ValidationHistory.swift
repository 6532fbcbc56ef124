/// The validations of a run, each with its numbers by the keys of `metrics.jsonl`.
struct ValidationHistory {
  struct Entry: Equatable {
    var step: Int
    /// Nil for what is not finite.
    var values: [String: Double?]
  }

  private var list: ThinnedList<Entry>

  init(capacity: Int = 400) { list = ThinnedList(capacity: capacity) }

  /// By growing step.
  var entries: [Entry] { list.elements }
  /// Every so many of them is kept.
  var stride: Int { list.stride }
  var seenCount: Int { list.seenCount }

  mutating func add(_ step: Int, _ numbers: [(String, Double?)]) {
    list.add(
      Entry(step: step, values: Dictionary(numbers.filter { $0.0.hasPrefix("validation_") }) { $1 }))
  }
}
