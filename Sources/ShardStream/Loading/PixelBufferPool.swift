import Synchronization

/// Memory for the images of a batch; owned by one batch at a time.
struct PixelBuffer: @unchecked Sendable {
  // Unchecked: decode threads write disjoint parts, and the queue's lock orders them before the reader.
  let values: UnsafeMutableBufferPointer<Float>
}

/// Buffers of one size that go round, so that a steady stream allocates no image memory.
final class PixelBufferPool: Sendable {
  /// A cache line, and the width of the widest vector register.
  private static let alignment = 64

  private let valueCount: Int
  private let free = Mutex<[PixelBuffer]>([])

  init(valueCount: Int) { self.valueCount = valueCount }

  deinit {
    free.withLock { $0.forEach { $0.values.baseAddress?.deallocate() } }
  }

  /// The content is whatever the last user left.
  func take() -> PixelBuffer {
    free.withLock { $0.popLast() } ?? allocate()
  }

  func giveBack(_ buffer: PixelBuffer) {
    precondition(buffer.values.count == valueCount)
    free.withLock { $0.append(buffer) }
  }

  private func allocate() -> PixelBuffer {
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: valueCount * MemoryLayout<Float>.stride, alignment: Self.alignment)
    let values = bytes.bindMemory(to: Float.self, capacity: valueCount)
    values.initialize(repeating: 0, count: valueCount)
    return PixelBuffer(values: UnsafeMutableBufferPointer(start: values, count: valueCount))
  }
}
