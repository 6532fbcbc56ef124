internal import CPNG

/// PNG through libpng: every colour type, depth and interlacing in, 8-bit RGB out.
package enum PNGCodec {
  /// All colour types as RGBA; 16-bit samples keep their high byte; gAMA and colour profiles are ignored.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, maxPixels: Int = ImageDecoder.defaultMaxPixels
  ) throws(ImageFault) -> RGBAImage {
    guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { throw .empty }
    var file = kelip_png()
    defer { kelip_png_close(&file) }
    guard kelip_png_open(&file, base, bytes.count) == 0 else { throw fault(&file) }
    let width = Int(file.width)
    let height = Int(file.height)
    try ImageDecoder.requireAllowed(width: width, height: height, maxPixels: maxPixels)
    var pixels = [UInt8](repeating: 0, count: width * height * 4)
    var rows = [UnsafeMutablePointer<UInt8>?](repeating: nil, count: height)
    let status = pixels.withUnsafeMutableBufferPointer {
      kelip_png_read_rgba(&file, $0.baseAddress, &rows)
    }
    guard status == 0 else { throw fault(&file) }
    return RGBAImage(width: width, height: height, pixels: pixels)
  }

  package static func decode(
    _ bytes: [UInt8], maxPixels: Int = ImageDecoder.defaultMaxPixels
  ) throws(ImageFault) -> RGBAImage {
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(ImageFault) in try decode(buffer, maxPixels: maxPixels) }
    }
    return try result.get()
  }

  /// A complete PNG file, RGB, 8 bits, no interlacing.
  package static func encode(_ image: RGBImage) -> [UInt8] {
    precondition(image.width > 0 && image.height > 0)
    var file = kelip_png()
    defer { kelip_png_close(&file) }
    let status = kelip_png_write_rgb(&file, image.pixels, UInt32(image.width), UInt32(image.height))
    guard status == 0, let output = file.output else { preconditionFailure("libpng: \(message(&file))") }
    return Array(UnsafeBufferPointer(start: output, count: file.output_length))
  }

  private static func fault(_ file: inout kelip_png) -> ImageFault {
    file.is_truncated != 0 ? .truncated : .corrupt(message(&file))
  }

  private static func message(_ file: inout kelip_png) -> String {
    withUnsafeBytes(of: &file.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
