/// JPEG and PNG bytes to RGB, told apart by their first bytes.
///
/// Gives the pixels that Pillow's `Image.open(f).convert("RGB")` gives, with one exception: 16-bit grey keeps
/// the high byte, where Pillow clips everything above 255 to white.
package enum ImageDecoder {
  /// About 5,000 × 5,000.
  package static let defaultMaxPixels = 25_000_000

  /// - Parameters:
  ///   - maxPixels: more than this in the header is `ImageFault.tooLarge`, before any allocation.
  ///   - background: what to lay transparent pictures over; `nil` drops alpha, as Pillow does.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, maxPixels: Int = defaultMaxPixels, background: RGBColour? = nil
  ) throws(ImageFault) -> RGBImage {
    switch try format(of: bytes) {
    case .jpeg:
      return try JPEGDecoder().decode(bytes, maxPixels: maxPixels)
    case .png:
      let image = try PNGCodec.decode(bytes, maxPixels: maxPixels)
      return background.map { image.composited(over: $0) } ?? image.withoutAlpha()
    }
  }

  package static func decode(
    _ bytes: [UInt8], maxPixels: Int = defaultMaxPixels, background: RGBColour? = nil
  ) throws(ImageFault) -> RGBImage {
    // `withUnsafeBytes` does not carry a typed error out in every toolchain, a Result does.
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(ImageFault) in
        try decode(buffer, maxPixels: maxPixels, background: background)
      }
    }
    return try result.get()
  }

  enum Format { case jpeg, png }

  static func format(of bytes: UnsafeRawBufferPointer) throws(ImageFault) -> Format {
    if bytes.isEmpty { throw .empty }
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return .jpeg }
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .png }
    throw .unknownFormat
  }

  static func requireAllowed(width: Int, height: Int, maxPixels: Int) throws(ImageFault) {
    guard width > 0, height > 0 else { throw .corrupt("no pixels: \(width)×\(height)") }
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    if overflow || pixels > maxPixels { throw .tooLarge(width: width, height: height) }
  }
}
