/// What a tar is read through: a window that only moves forward.
struct TarInput {
  static let windowSize = 16 << 10

  let file: ShardFile
  private var window: [UInt8] = []
  private var windowStart = 0

  init(_ file: ShardFile) {
    self.file = file
    file.willScan()
  }

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
