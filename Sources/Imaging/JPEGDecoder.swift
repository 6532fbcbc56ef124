internal import CTurboJPEG

/// Decodes JPEG with TurboJPEG's accurate inverse DCT and smooth chroma upsampling: libjpeg's defaults, which
/// Pillow uses too. Holds a codec handle: reuse one decoder per thread for many pictures.
final class JPEGDecoder {
  private let handle: tjhandle

  init() {
    guard let handle = tjInitDecompress() else { preconditionFailure("tjInitDecompress: out of memory") }
    self.handle = handle
  }

  deinit { tjDestroy(handle) }

  /// RGB pixels of the picture, its sides shrunk to `scale` eighths and rounded up, into `pixels`
  /// (scaled height × scaled width × 3). `header` is what `ImageHeader.read` made of the same bytes.
  func decode(
    _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader, scale: JPEGScale = .full,
    into pixels: UnsafeMutablePointer<UInt8>
  ) throws(ImageFault) {
    let width = scale.applied(to: header.width)
    let height = scale.applied(to: header.height)
    guard header.isCMYK else {
      return try decompress(bytes, width: width, height: height, TJPF_RGB, channels: 3, into: pixels)
    }
    let inverted = UnsafeMutablePointer<UInt8>.allocate(capacity: width * height * 4)
    defer { inverted.deallocate() }
    try decompress(bytes, width: width, height: height, TJPF_CMYK, channels: 4, into: inverted)
    Self.convert(invertedCMYK: inverted, count: width * height, toRGB: pixels)
  }

  /// Warnings other than a missing end keep the picture, as libjpeg's own programs and Pillow do.
  private func decompress(
    _ bytes: UnsafeRawBufferPointer, width: Int, height: Int, _ format: TJPF, channels: Int,
    into pixels: UnsafeMutablePointer<UInt8>
  ) throws(ImageFault) {
    let status = tjDecompress2(
      handle, bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), UInt(bytes.count), pixels, Int32(width),
      Int32(width * channels), Int32(height), format.rawValue, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
    if status == 0 { return }
    let fault = fault()
    if tjGetErrorCode(handle) != Int32(TJERR_WARNING.rawValue) { throw fault }
    // Only the last warning is told, and what libjpeg makes of a progressive scan that ran out is another one.
    if fault == .truncated || !Self.hasEnd(bytes) { throw .truncated }
  }

  /// Whether there is an end of image, which usually are the last two bytes.
  private static func hasEnd(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.indices.dropLast().last { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xD9 } != nil
  }

  private func fault() -> ImageFault {
    let message = String(cString: tjGetErrorStr2(handle))
    return message.contains("Premature end of JPEG file") ? .truncated : .corrupt(message)
  }

  /// Adobe writes CMYK inverted, and so every reader takes it: with k the stored (inverted) black,
  /// channel = k − (255 − c)·k/255, rounded as Pillow's `cmyk2rgb` rounds.
  private static func convert(
    invertedCMYK source: UnsafePointer<UInt8>, count: Int, toRGB target: UnsafeMutablePointer<UInt8>
  ) {
    for index in 0..<count {
      let key = Int32(source[4 * index + 3])
      for channel in 0..<3 {
        let product = (255 - Int32(source[4 * index + channel])) * key + 128
        target[3 * index + channel] = UInt8(max(0, key - ((product >> 8) + product) >> 8))
      }
    }
  }
}
