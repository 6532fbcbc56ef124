/// Elements as they come, in bounded memory: all up to `capacity` of them, then every second, fourth …
struct ThinnedList<Element> {
  private(set) var elements: [Element] = []
  /// Every so many are kept.
  private(set) var stride = 1
  /// All that came.
  private(set) var seenCount = 0
  private let capacity: Int

  init(capacity: Int) {
    precondition(capacity >= 2 && capacity.isMultiple(of: 2))
    self.capacity = capacity
  }

  /// - Parameter element: made only where it is kept.
  mutating func add(_ element: @autoclosure () -> Element) {
    defer { seenCount += 1 }
    guard seenCount.isMultiple(of: stride) else { return }
    if elements.count == capacity {
      elements = Swift.stride(from: 0, to: capacity, by: 2).map { elements[$0] }
      stride *= 2
      guard seenCount.isMultiple(of: stride) else { return }
    }
    elements.append(element())
  }
}

extension ThinnedList: Sendable where Element: Sendable {}
