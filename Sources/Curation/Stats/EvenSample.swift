/// The `capacity` elements of lowest priority: with priorities from a hash, an even sample that does not depend on the
/// order in which elements come.
struct EvenSample<Element: Codable & Sendable>: Codable, Sendable {
  struct Entry: Codable, Sendable {
    var priority: UInt64
    var element: Element
  }

  let capacity: Int
  private var entries: [Entry] = []
  /// Nothing from here on has a place any more.
  private var limit = UInt64.max

  init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  /// Whether an element of this priority would be kept, for now.
  func hasPlace(for priority: UInt64) -> Bool { priority < limit }

  mutating func add(_ element: Element, priority: UInt64) {
    guard hasPlace(for: priority) else { return }
    entries.append(Entry(priority: priority, element: element))
    if entries.count >= 2 * capacity { shrink() }
  }

  mutating func merge(_ other: EvenSample) {
    precondition(capacity == other.capacity)
    entries += other.entries.filter { hasPlace(for: $0.priority) }
    if entries.count >= 2 * capacity { shrink() }
  }

  /// Lowest priority first.
  var elements: [Element] {
    entries.sorted { $0.priority < $1.priority }.prefix(capacity).map(\.element)
  }

  private mutating func shrink() {
    entries = Array(entries.sorted { $0.priority < $1.priority }.prefix(capacity))
    if let last = entries.last, entries.count == capacity { limit = last.priority }
  }
}
