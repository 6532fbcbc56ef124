/// The format and size of a picture, from its first bytes: nothing is decoded.
package struct ImageHeader: Equatable, Sendable {
  package enum Format: String, CaseIterable, Codable, Sendable { case jpeg, png, webp }

  package let format: Format
  /// Pixels, as they are stored: an EXIF orientation may turn them.
  package let width: Int
  package let height: Int

  /// A size in the header says nothing of whether the rest decodes.
  ///
  /// - Parameters:
  ///   - byteCount: of the whole file.
  ///   - read: the file's bytes from an offset on, exactly so many. JPEG needs them from several places.
  /// - Throws: `ImageFault`, and what `read` throws.
  package static func read(
    byteCount: Int, _ read: @escaping (_ offset: Int, _ count: Int) throws -> [UInt8]
  ) throws -> ImageHeader {
    var window = ByteWindow(byteCount: byteCount, read: read)
    let start = try window.bytes(at: 0, upTo: 30)
    let format = try Self.format(of: start)
    let size =
      switch format {
      case .png: try pngSize(start)
      case .webp: try webPSize(start)
      case .jpeg: try jpegSize(&window)
      }
    guard size.width > 0, size.height > 0 else {
      throw ImageFault.corrupt("no pixels: \(size.width)×\(size.height)")
    }
    return ImageHeader(format: format, width: size.width, height: size.height)
  }

  package static func read(_ bytes: [UInt8]) throws -> ImageHeader {
    try read(byteCount: bytes.count) { Array(bytes[$0..<($0 + $1)]) }
  }

  private static func format(of start: [UInt8]) throws(ImageFault) -> Format {
    if start.isEmpty { throw .empty }
    if start.starts(with: [0xFF, 0xD8, 0xFF]) { return .jpeg }
    if start.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .png }
    if start.starts(with: "RIFF".utf8), start.dropFirst(8).starts(with: "WEBP".utf8) { return .webp }
    throw .unknownFormat
  }

  /// The first chunk is IHDR: length, name, width, height.
  private static func pngSize(_ start: [UInt8]) throws(ImageFault) -> (width: Int, height: Int) {
    guard start.count >= 24 else { throw .truncated }
    guard start[12..<16].elementsEqual("IHDR".utf8) else { throw .corrupt("the first chunk is not IHDR") }
    func number(_ at: Int) -> Int { start[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) } }
    return (number(16), number(20))
  }

  /// Source: RFC 9649, sections 2.5 to 2.7 and, for `VP8 `, RFC 6386 section 9.1.
  private static func webPSize(_ start: [UInt8]) throws(ImageFault) -> (width: Int, height: Int) {
    guard start.count >= 30 else { throw .truncated }
    func number(_ at: Int, _ count: Int) -> Int {
      start[at..<(at + count)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    switch String(decoding: start[12..<16], as: UTF8.self) {
    case "VP8X": return (number(24, 3) + 1, number(27, 3) + 1)
    case "VP8L":
      guard start[20] == 0x2F else { throw .corrupt("no signature of lossless WebP") }
      return ((number(21, 4) & 0x3FFF) + 1, (number(21, 4) >> 14 & 0x3FFF) + 1)
    case "VP8 ":
      guard start[23..<26].elementsEqual([0x9D, 0x01, 0x2A]) else { throw .corrupt("no WebP key frame") }
      return (number(26, 2) & 0x3FFF, number(28, 2) & 0x3FFF)
    default: throw .corrupt("an unknown kind of WebP")
    }
  }

  /// Walks the segments to the start of the frame, which profiles and thumbnails may push far back.
  private static func jpegSize(_ window: inout ByteWindow) throws -> (width: Int, height: Int) {
    var position = 2
    // A real file has tens of segments; one made of padding would keep us for its whole length.
    for _ in 0..<65_536 {
      let bytes = try window.bytes(at: position, upTo: 9)
      guard bytes.count >= 4 else { throw ImageFault.truncated }
      guard bytes[0] == 0xFF else { throw ImageFault.corrupt("no marker where a segment begins") }
      switch bytes[1] {
      case 0xFF: position += 1  // padding
      case 0x01, 0xD0...0xD8: position += 2  // no length
      case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
        guard bytes.count == 9 else { throw ImageFault.truncated }
        return (Int(bytes[7]) << 8 | Int(bytes[8]), Int(bytes[5]) << 8 | Int(bytes[6]))
      case 0xD9, 0xDA: throw ImageFault.corrupt("no frame before the scan")
      default: position += 2 + (Int(bytes[2]) << 8 | Int(bytes[3]))
      }
    }
    throw ImageFault.corrupt("no frame among 65,536 segments")
  }
}

/// A few bytes here and there of a file, read a window at a time.
private struct ByteWindow {
  private static let size = 2048

  let byteCount: Int
  let read: (Int, Int) throws -> [UInt8]
  private var start = 0
  private var window: [UInt8] = []

  init(byteCount: Int, read: @escaping (Int, Int) throws -> [UInt8]) {
    self.byteCount = byteCount
    self.read = read
  }

  /// Fewer than `count` only at the end of the file.
  mutating func bytes(at offset: Int, upTo count: Int) throws -> [UInt8] {
    let end = min(byteCount, offset + count)
    guard offset < end else { return [] }
    if offset < start || end > start + window.count {
      start = offset
      window = try read(offset, min(Self.size, byteCount - offset))
    }
    return Array(window[(offset - start)..<(end - start)])
  }
}
