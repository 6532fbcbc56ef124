/// What a tar is read through: a window that only moves forward.
///
/// The kernel's read-ahead is left as it is, though it fetches the pictures between the headers: for a shard of 10,000
/// samples of 40 kB, 400 MB in 0.5 s against 190 MB in 2 s with POSIX_FADV_RANDOM, where every read waits alone.
struct TarInput {
  static let windowSize = 16 << 10

  let file: ShardFile
  private var window: [UInt8] = []
  private var windowStart = 0

  init(_ file: ShardFile) { self.file = file }

  /// `count` bytes from `offset` on; fewer only at the end of the tar.
  mutating func bytes(at offset: Int, count: Int) throws -> ArraySlice<UInt8> {
    if offset < windowStart || offset + count > windowEnd { try move(to: offset, holding: count) }
    return window[(offset - windowStart)...].prefix(count)
  }

  private var windowEnd: Int { windowStart + window.count }

  /// Bytes that are there already are kept, so that what lies before the window's end is read once. Damage beyond
  /// what is asked for does not show yet.
  private mutating func move(to offset: Int, holding count: Int) throws {
    let kept = (windowStart...windowEnd).contains(offset) ? window[(offset - windowStart)...] : []
    (window, windowStart) = (Array(kept), offset)
    while window.count < count, try extend(to: max(count, Self.windowSize)) {}
  }

  /// False at the end of the tar.
  private mutating func extend(to size: Int) throws -> Bool {
    let old = window
    window = try [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      filled = buffer.update(fromContentsOf: old)
      let rest = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[filled...]))
      filled += try file.scan(into: rest, at: windowStart + filled)
    }
    return window.count > old.count
  }
}
