internal import CZstd

/// Compresses a stream of bytes into frames of equal content, each with its content's size and a checksum, and ends
/// it with a table of them (zstd's seekable format, version 0.1.0): tools that know it can enter anywhere, all others
/// skip the table.
final class ZstdFrameWriter {
  /// Small enough to be decompressed for one sample, large enough to compress well.
  static let frameSize = 4 << 20
  /// zstd's own default: pictures do not become smaller at any level.
  private static let level: Int32 = 3

  private let context: OpaquePointer
  private var pending: [UInt8] = []
  private var frames: [(stored: Int, content: Int)] = []

  init() {
    guard let context = ZSTD_createCCtx() else { fatalError("no memory for a zstd context") }
    self.context = context
    for (parameter, value) in [(ZSTD_c_compressionLevel, Self.level), (ZSTD_c_checksumFlag, 1)] {
      precondition(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0)
    }
  }

  deinit { ZSTD_freeCCtx(context) }

  /// The frames that these bytes complete.
  func compress(_ bytes: [UInt8]) -> [UInt8] {
    pending += bytes
    var result: [UInt8] = []
    var start = 0
    while pending.count - start >= Self.frameSize {
      result += frame(pending[start..<(start + Self.frameSize)])
      start += Self.frameSize
    }
    pending.removeFirst(start)
    return result
  }

  /// The last frame, and the table.
  func finish() -> [UInt8] {
    let last = pending.isEmpty ? [] : frame(pending[...])
    pending = []
    return last + seekTable()
  }

  private func frame(_ content: ArraySlice<UInt8>) -> [UInt8] {
    let bytes = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(content.count)) { target, count in
      count = content.withUnsafeBytes { source in
        ZSTD_compress2(context, target.baseAddress, target.count, source.baseAddress, source.count)
      }
      precondition(ZSTD_isError(count) == 0, "compression into enough room cannot fail")
    }
    frames.append((bytes.count, content.count))
    return bytes
  }

  /// A skippable frame: sizes of each frame, their number, a descriptor (no checksums here) and a magic number.
  private func seekTable() -> [UInt8] {
    var table: [UInt8] = []
    func put(_ value: Int) { table += (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    put(0x184D_2A5E)
    put(8 * frames.count + 9)
    for frame in frames {
      put(frame.stored)
      put(frame.content)
    }
    put(frames.count)
    table.append(0)
    put(0x8F92_EAB1)
    return table
  }
}
