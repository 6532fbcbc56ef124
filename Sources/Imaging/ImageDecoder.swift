/// JPEG, PNG and WebP bytes to RGB, told apart by their first bytes.
///
/// Gives the pixels that Pillow's `Image.open(f).convert("RGB")` gives, with one exception: 16-bit grey keeps
/// the high byte, where Pillow clips everything above 255 to white. Like Pillow, it leaves a picture as it is
/// stored: turn it with `ImageHeader.orientation`.
package enum ImageDecoder {
  /// About 5,000 × 5,000.
  package static let defaultMaxPixels = 25_000_000

  /// - Parameters:
  ///   - maxPixels: more than this in the header is `ImageFault.tooLarge`, before any allocation.
  ///   - background: what to lay transparent pictures over; `nil` drops alpha, as Pillow does.
  ///   - upright: turns the picture as its EXIF orientation says, as Pillow's `ImageOps.exif_transpose`.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, maxPixels: Int = defaultMaxPixels, background: RGBColour? = nil,
    upright: Bool = false
  ) throws(ImageFault) -> RGBImage {
    let header = try ImageHeader.read(bytes, maxPixels: maxPixels)
    let image =
      if let background, header.format != .jpeg {
        try rgba(bytes, header).composited(over: background)
      } else {
        try rgb(bytes, header)
      }
    return upright ? image.turnedUpright(header.orientation) : image
  }

  package static func decode(
    _ bytes: [UInt8], maxPixels: Int = defaultMaxPixels, background: RGBColour? = nil, upright: Bool = false
  ) throws(ImageFault) -> RGBImage {
    // `withUnsafeBytes` does not carry a typed error out in every toolchain, a Result does.
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(ImageFault) in
        try decode(buffer, maxPixels: maxPixels, background: background, upright: upright)
      }
    }
    return try result.get()
  }

  private static func rgb(
    _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader
  ) throws(ImageFault) -> RGBImage {
    let pixels = try filled(header.width * header.height * 3) { target throws(ImageFault) in
      switch header.format {
      case .jpeg: try JPEGDecoder().decode(bytes, header, into: target)
      case .png: try PNGCodec.decode(bytes, header, channels: 3, into: target)
      case .webp: try WebPDecoder.decodeRGB(bytes, header, into: target)
      }
    }
    return RGBImage(width: header.width, height: header.height, pixels: pixels)
  }

  /// A PNG or WebP picture with its alpha.
  private static func rgba(
    _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader
  ) throws(ImageFault) -> RGBAImage {
    let pixels = try filled(header.width * header.height * 4) { target throws(ImageFault) in
      header.format == .webp
        ? try WebPDecoder.decodeRGBA(bytes, header, into: target)
        : try PNGCodec.decode(bytes, header, channels: 4, into: target)
    }
    return RGBAImage(width: header.width, height: header.height, pixels: pixels)
  }

  /// An array of `count` bytes that `fill` writes, not cleared before.
  private static func filled(
    _ count: Int, _ fill: (UnsafeMutablePointer<UInt8>) throws(ImageFault) -> Void
  ) throws(ImageFault) -> [UInt8] {
    var failure: ImageFault?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
      do throws(ImageFault) {
        try fill(buffer.baseAddress!)
        initialised = count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
