/// What a file's first bytes say it is.
package enum ImageFormat: String, Sendable, CaseIterable {
  case jpeg
  case png
  case webp

  /// - Throws: `.empty`, or `.unknownFormat` with the kind of file that the bytes look like.
  static func detect(_ bytes: UnsafeRawBufferPointer) throws(ImageFault) -> ImageFormat {
    if bytes.isEmpty { throw .empty }
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return .jpeg }
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .png }
    if bytes.starts(with: Array("RIFF".utf8)), bytes.dropFirst(8).starts(with: Array("WEBP".utf8)) {
      return .webp
    }
    throw .unknownFormat(looksLike: lookalike(bytes))
  }

  private static let signatures: [(name: String, prefix: [UInt8])] = [
    ("GIF", Array("GIF8".utf8)),
    ("BMP", Array("BM".utf8)),
    ("TIFF", [0x49, 0x49, 0x2A, 0x00]),
    ("TIFF", [0x4D, 0x4D, 0x00, 0x2A]),
    ("icon", [0x00, 0x00, 0x01, 0x00]),
    ("Photoshop document", Array("8BPS".utf8)),
    ("JPEG 2000", [0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50]),
    ("JPEG XL", [0xFF, 0x0A]),
    ("PDF", Array("%PDF".utf8)),
    ("gzip", [0x1F, 0x8B]),
    ("ZIP", [0x50, 0x4B, 0x03, 0x04]),
    ("JSON", Array("{".utf8)),
  ]

  /// Servers that answer with a page instead of a picture are the most frequent case on the web.
  private static func lookalike(_ bytes: UnsafeRawBufferPointer) -> String? {
    if let known = signatures.first(where: { bytes.starts(with: $0.prefix) }) { return known.name }
    if bytes.dropFirst(4).starts(with: Array("ftyp".utf8)) { return "AVIF, HEIF or MP4" }
    let isByteOrderMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
    let text = String(decoding: bytes.prefix(512).dropFirst(isByteOrderMark ? 3 : 0), as: UTF8.self)
      .lowercased().drop(while: \.isWhitespace)
    if text.hasPrefix("<svg") || (text.hasPrefix("<?xml") && text.contains("<svg")) { return "SVG" }
    if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") || text.hasPrefix("<head") {
      return "HTML"
    }
    return text.hasPrefix("<") ? "XML or HTML" : nil
  }
}
