/// Memory that is used over and over and grows to the largest request. What it holds is whatever was there before.
final class ScratchMemory<Element: BitwiseCopyable> {
  /// A cache line, and the width of the widest vector register.
  private static var alignment: Int { 64 }

  private(set) var base: UnsafeMutablePointer<Element>?
  private var capacity = 0

  deinit { base?.deallocate() }

  /// Room for `count` elements; earlier pointers are void when it has to grow.
  func reserve(_ count: Int) -> UnsafeMutablePointer<Element> {
    if let base, count <= capacity { return base }
    base?.deallocate()
    capacity = max(count, 1)
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: capacity * MemoryLayout<Element>.stride, alignment: Self.alignment)
    let start = bytes.bindMemory(to: Element.self, capacity: capacity)
    base = start
    return start
  }

  /// Gives memory back when it is larger than `count` elements: one huge picture must not weigh on a whole run.
  func shrink(to count: Int) {
    guard capacity > count else { return }
    base?.deallocate()
    base = nil
    capacity = 0
  }
}
