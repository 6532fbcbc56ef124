/// Buffers that reductions receive into, kept for the next one: a steady step allocates nothing.
final class ScratchPool {
  private var free: [UnsafeMutableRawBufferPointer] = []
  /// As many as there are operations in flight.
  private let keptCount: Int

  init(keptCount: Int) { self.keptCount = keptCount }

  deinit { free.forEach { $0.deallocate() } }

  /// At least `count` bytes.
  func take(_ count: Int) -> UnsafeMutableRawBufferPointer {
    if let index = free.firstIndex(where: { $0.count >= count }) { return free.remove(at: index) }
    return .allocate(byteCount: Swift.max(count, 64), alignment: 64)
  }

  func put(_ buffer: UnsafeMutableRawBufferPointer) {
    free.append(buffer)
    guard free.count > keptCount else { return }
    let smallest = free.indices.min { free[$0].count < free[$1].count }!
    free.remove(at: smallest).deallocate()
  }
}
