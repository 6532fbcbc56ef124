internal import CPNG

/// PNG through libpng: every colour type, depth and interlacing in, 8-bit RGB or RGBA out.
package enum PNGCodec {
  /// Pixels into `pixels` (height × width × channels), 3 channels without alpha or 4 with it; 16-bit samples keep
  /// their high byte; gAMA and colour profiles are ignored. Of an APNG the default picture.
  static func decode(
    _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader, channels: Int,
    into pixels: UnsafeMutablePointer<UInt8>
  ) throws(ImageFault) {
    var file = kelip_png()
    defer { kelip_png_close(&file) }
    let base = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
    guard kelip_png_open(&file, base, bytes.count) == 0 else { throw fault(&file) }
    guard Int(file.width) == header.width, Int(file.height) == header.height else {
      throw .corrupt("two sizes in one header")
    }
    var rows = [UnsafeMutablePointer<UInt8>?](repeating: nil, count: header.height)
    guard kelip_png_read(&file, UInt32(channels), pixels, &rows) == 0 else { throw fault(&file) }
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
