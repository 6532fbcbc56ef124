import Basics
internal import CZlib

/// Gzip (RFC 1952) through zlib, with a limit on what comes out.
enum GzipFile {
  static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// The contents of `bytes`, one member or several.
  ///
  /// - Throws: `KelipError` where the data is damaged or cut off, or holds more than `limit` bytes.
  static func inflated(_ bytes: [UInt8], limit: Int, at location: String) throws -> [UInt8] {
    var input = bytes
    return try input.withUnsafeMutableBufferPointer { input in
      var stream = z_stream()
      // 15 bits of window, and 16 for a gzip header.
      let status = inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
      guard status == Z_OK else { throw fault(status, at: location) }
      defer { inflateEnd(&stream) }
      stream.next_in = input.baseAddress
      stream.avail_in = uInt(input.count)
      return try drain(&stream, limit: limit, at: location)
    }
  }

  private static func drain(_ stream: inout z_stream, limit: Int, at location: String) throws -> [UInt8] {
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let (status, count) = chunk.withUnsafeMutableBufferPointer { chunk in
        stream.next_out = chunk.baseAddress
        stream.avail_out = uInt(chunk.count)
        let status = inflate(&stream, Z_NO_FLUSH)
        return (status, chunk.count - Int(stream.avail_out))
      }
      output += chunk.prefix(count)
      guard output.count <= limit else {
        throw KelipError("unpacks to more than \(limit) bytes", at: location)
      }
      switch status {
      case Z_OK: continue
      case Z_STREAM_END where stream.avail_in == 0: return output
      case Z_STREAM_END:
        let reset = inflateReset(&stream)
        guard reset == Z_OK else { throw fault(reset, at: location) }
      default: throw fault(status, at: location)
      }
    }
  }

  private static func fault(_ status: Int32, at location: String) -> KelipError {
    // Z_BUF_ERROR: no progress is possible, and the input is used up.
    let what = status == Z_BUF_ERROR ? "is cut off" : "is damaged"
    return KelipError(
      "the gzip data \(what) (zlib: \(status) \(String(cString: zError(status))))", at: location)
  }
}
