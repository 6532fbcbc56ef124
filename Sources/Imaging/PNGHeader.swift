/// What a PNG's chunks say without their content being decompressed.
enum PNGHeader {
  private static let signatureLength = 8

  static func read(_ bytes: UnsafeRawBufferPointer) throws(ImageFault) -> ImageHeader {
    guard bytes.count >= signatureLength + 8 + 13 else { throw .truncated }
    guard name(bytes, at: signatureLength) == "IHDR" else { throw .corrupt("IHDR is not the first chunk") }
    return ImageHeader(
      format: .png, width: integer(bytes, at: signatureLength + 8),
      height: integer(bytes, at: signatureLength + 12), orientation: orientation(bytes))
  }

  /// eXIf may stand before or after the pixels.
  private static func orientation(_ bytes: UnsafeRawBufferPointer) -> ImageOrientation {
    var position = signatureLength
    while position + 12 <= bytes.count {
      let length = integer(bytes, at: position)
      guard length <= bytes.count - position - 12 else { break }
      let name = name(bytes, at: position)
      if name == "eXIf" {
        let content = bytes[(position + 8)..<(position + 8 + length)]
        return EXIF.orientation(UnsafeRawBufferPointer(rebasing: content))
      }
      if name == "IEND" { break }
      position += 12 + length
    }
    return .upright
  }

  private static func integer(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
    Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }

  private static func name(_ bytes: UnsafeRawBufferPointer, at chunk: Int) -> String {
    String(decoding: bytes[(chunk + 4)..<(chunk + 8)], as: UTF8.self)
  }
}
