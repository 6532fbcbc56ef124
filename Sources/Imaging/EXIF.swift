/// The one thing that is wanted from an EXIF block: the picture's orientation.
///
/// Reads the first directory and nothing that it points to, so that no offset can lead in circles. Whatever is
/// malformed counts as upright: a picture is not lost for its metadata.
enum EXIF {
  private static let prefix = Array("Exif\0\0".utf8)
  private static let orientationTag = 0x0112

  /// - Parameter block: a TIFF structure, with or without "Exif\0\0" before it.
  static func orientation(_ block: UnsafeRawBufferPointer) -> ImageOrientation {
    let isPrefixed = block.starts(with: prefix)
    let tiff = ByteReader(UnsafeRawBufferPointer(rebasing: block.dropFirst(isPrefixed ? prefix.count : 0)))
    guard let tiff, let directory = tiff.integer(at: 4, bytes: 4),
      let entryCount = tiff.integer(at: directory, bytes: 2)
    else { return .upright }
    var orientation = ImageOrientation.upright
    for entry in 0..<entryCount {
      let at = directory + 2 + 12 * entry
      guard let tag = tiff.integer(at: at, bytes: 2), at + 12 <= tiff.count else { break }
      guard tag == orientationTag, let value = tiff.entryValue(at: at) else { continue }
      orientation = ImageOrientation(rawValue: value) ?? .upright
    }
    return orientation
  }
}

/// Whole numbers in a TIFF structure of either byte order; nothing outside its bytes.
private struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  private let isLittleEndian: Bool

  init?(_ bytes: UnsafeRawBufferPointer) {
    if bytes.starts(with: [0x49, 0x49, 0x2A, 0x00]) {
      isLittleEndian = true
    } else if bytes.starts(with: [0x4D, 0x4D, 0x00, 0x2A]) {
      isLittleEndian = false
    } else {
      return nil
    }
    self.bytes = bytes
  }

  var count: Int { bytes.count }

  func integer(at offset: Int, bytes width: Int) -> Int? {
    guard offset <= bytes.count - width else { return nil }
    return (0..<width).reduce(0) { sum, index in
      sum << 8 | Int(bytes[offset + (isLittleEndian ? width - 1 - index : index)])
    }
  }

  /// The first 16- or 32-bit number of an entry that holds its numbers itself.
  func entryValue(at entry: Int) -> Int? {
    let width: Int? =
      switch integer(at: entry + 2, bytes: 2) {
      case 3, 8: 2
      case 4, 9: 4
      default: nil
      }
    guard let width, let count = integer(at: entry + 4, bytes: 4), (1...(4 / width)).contains(count) else {
      return nil
    }
    return integer(at: entry + 8, bytes: width)
  }
}
