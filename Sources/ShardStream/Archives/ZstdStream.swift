import Basics
internal import CZstd

/// libzstd's decompressor of one frame, fed from a file. For one user at a time.
final class ZstdStream {
  /// 128 MiB: what `zstd --long=27` makes, and the most that decompressors take unasked.
  static let largestWindowLog = 27

  enum Failure: Error {
    case truncated
    case windowTooLarge
    case corrupt(String)
  }

  private static let inputSize = 128 << 10
  private let file: PositionalFile
  private let context: OpaquePointer
  private var input: [UInt8] = []
  /// Byte of the file at which `input` begins, and how much of it is used up.
  private var inputStart = 0
  private var inputUsed = 0

  init(_ file: PositionalFile) {
    self.file = file
    guard let context = ZSTD_createDCtx() else { fatalError("no memory for a zstd context") }
    self.context = context
    let status = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Int32(Self.largestWindowLog))
    precondition(ZSTD_isError(status) == 0)
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Byte of the file that comes next.
  var position: Int { inputStart + inputUsed }

  /// Goes to the start of a frame.
  func begin(at position: Int) {
    let status = ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
    precondition(ZSTD_isError(status) == 0)
    seek(position)
  }

  private func seek(_ position: Int) {
    if position >= inputStart, position <= inputStart + input.count {
      inputUsed = position - inputStart
    } else {
      (inputStart, inputUsed, input) = (position, 0, [])
    }
  }

  /// Decompresses into `target`: how many bytes, and whether the frame is at its end, checksum included. Neither
  /// bytes nor end: the failure says why.
  func decompress(
    into target: UnsafeMutableRawBufferPointer
  ) throws -> (count: Int, isAtEnd: Bool, failure: Failure?) {
    var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
    while true {
      if inputUsed == input.count { try refill() }
      let (outputBefore, inputBefore) = (output.pos, inputUsed)
      let status = input.withUnsafeBytes { bytes in
        var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: inputUsed)
        defer { inputUsed = source.pos }
        return ZSTD_decompressStream(context, &output, &source)
      }
      if ZSTD_isError(status) != 0 { return (output.pos, false, Self.failure(status)) }
      if status == 0 { return (output.pos, true, nil) }
      if output.pos == output.size { return (output.pos, false, nil) }
      if output.pos == outputBefore, inputUsed == inputBefore { return (output.pos, false, .truncated) }
    }
  }

  private static func failure(_ status: Int) -> Failure {
    ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge
      ? .windowTooLarge : .corrupt(String(cString: ZSTD_getErrorName(status)))
  }

  private func refill() throws {
    let start = position
    input = try [UInt8](unsafeUninitializedCapacity: Self.inputSize) { buffer, count in
      count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: start)
    }
    (inputStart, inputUsed) = (start, 0)
  }
}
