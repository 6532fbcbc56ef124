/// What the segments of a JPEG before its first scan say.
enum JPEGHeader {
  private static let exifPrefix = Array("Exif\0\0".utf8)

  /// Walks the segments. libjpeg makes up an end where bytes run out, and would call a file cut within its
  /// tables anything from corrupt to empty; here it is `.truncated`.
  static func read(_ bytes: UnsafeRawBufferPointer) throws(ImageFault) -> ImageHeader {
    var frame: Frame?
    var orientation: ImageOrientation?
    var position = 2
    while position + 4 <= bytes.count {
      // libjpeg skips what is not a marker, and so did the programs that looked at such a file before.
      guard bytes[position] == 0xFF else {
        position += 1
        continue
      }
      let marker = bytes[position + 1]
      switch marker {
      case 0xFF: position += 1  // padding
      case 0x00, 0x01, 0xD0...0xD8: position += 2  // no length
      case 0xDA: return try header(frame, orientation, bytes, scan: position)
      case 0xD9: throw .corrupt("no scan before the end of the picture")
      default:
        let end = position + 2 + max(2, Int(bytes[position + 2]) << 8 + Int(bytes[position + 3]))
        guard end <= bytes.count else { throw .truncated }
        let content = UnsafeRawBufferPointer(rebasing: bytes[(position + 4)..<end])
        if Self.isFrame(marker) { frame = frame ?? Frame(marker, content) }
        if marker == 0xE1, orientation == nil, content.starts(with: exifPrefix) {
          orientation = EXIF.orientation(content)
        }
        position = end
      }
    }
    throw .truncated
  }

  private static func header(
    _ frame: Frame?, _ orientation: ImageOrientation?, _ bytes: UnsafeRawBufferPointer, scan: Int
  ) throws(ImageFault) -> ImageHeader {
    guard let frame else { throw .corrupt("a scan before the picture's size") }
    guard frame.height > 0 else {
      throw .corrupt("the height follows the picture (DNL), which nothing writes")
    }
    if frame.isProgressive { try requireFewScans(bytes, from: scan, frame) }
    return ImageHeader(
      format: .jpeg, width: frame.width, height: frame.height, orientation: orientation ?? .upright,
      isCMYK: frame.componentCount == 4)
  }

  /// SOF0 to SOF15 without the three numbers in between that mean something else.
  private static func isFrame(_ marker: UInt8) -> Bool {
    (0xC0...0xCF).contains(marker) && marker != 0xC4 && marker != 0xC8 && marker != 0xCC
  }

  private struct Frame {
    var width: Int
    var height: Int
    var componentCount: Int
    var isProgressive: Bool

    init?(_ marker: UInt8, _ content: UnsafeRawBufferPointer) {
      guard content.count >= 6 else { return nil }
      height = Int(content[1]) << 8 | Int(content[2])
      width = Int(content[3]) << 8 | Int(content[4])
      componentCount = Int(content[5])
      isProgressive = marker == 0xC2 || marker == 0xCA
    }
  }

  /// libjpeg-turbo's own bound, and the number of pixels times scans that a picture may take: every scan goes
  /// over all of a progressive picture, so a file of some kilobytes could keep a decoder busy for hours.
  private static let maxScans = 500
  private static let maxScannedPixels = 1 << 30

  private static func requireFewScans(
    _ bytes: UnsafeRawBufferPointer, from start: Int, _ frame: Frame
  ) throws(ImageFault) {
    let most = min(maxScans, max(16, maxScannedPixels / max(1, frame.width * frame.height)))
    var count = 0
    // Within a scan 0xFF is followed by zero or a restart marker: this can only count too many, within tables.
    for position in start..<(bytes.count - 1) where bytes[position] == 0xFF && bytes[position + 1] == 0xDA {
      count += 1
      if count > most { throw .tooManyScans(limit: most) }
    }
  }
}
