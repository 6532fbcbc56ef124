internal import CWebP

/// WebP through libwebp, with its default ("fancy") chroma upsampling: lossy, lossless, alpha, and the first frame
/// of an animation on its canvas.
enum WebPDecoder {
  static func header(_ bytes: UnsafeRawBufferPointer) throws(ImageFault) -> ImageHeader {
    try requireWhole(bytes)
    let features = try features(bytes)
    return ImageHeader(
      format: .webp, width: Int(features.width), height: Int(features.height),
      orientation: orientation(bytes))
  }

  /// RGB pixels into `pixels` (height × width × 3): alpha is dropped.
  static func decodeRGB(
    _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader, into pixels: UnsafeMutablePointer<UInt8>
  ) throws(ImageFault) {
    try decode(bytes, header, MODE_RGB, channels: 3, into: pixels)
  }

  /// RGBA pixels, alpha not multiplied in, into `pixels` (height × width × 4).
  static func decodeRGBA(
    _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader, into pixels: UnsafeMutablePointer<UInt8>
  ) throws(ImageFault) {
    try decode(bytes, header, MODE_RGBA, channels: 4, into: pixels)
  }

  private static func decode(
    _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader, _ mode: WEBP_CSP_MODE, channels: Int,
    into pixels: UnsafeMutablePointer<UInt8>
  ) throws(ImageFault) {
    let canvas = Canvas(
      pixels: pixels, width: header.width, height: header.height, channels: channels, mode: mode)
    if try features(bytes).has_animation != 0 {
      try decodeFirstFrame(bytes, on: canvas)
    } else {
      try canvas.decode(bytes, x: 0, y: 0, width: header.width, height: header.height)
    }
  }

  /// What the frame leaves uncovered is transparent black, as in libwebp's own animation decoder.
  private static func decodeFirstFrame(
    _ bytes: UnsafeRawBufferPointer, on canvas: Canvas
  ) throws(ImageFault) {
    var data = WebPData(
      bytes: bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), size: bytes.count)
    guard let demuxer = WebPDemux(&data) else { throw .corrupt("the animation's chunks do not fit together") }
    defer { WebPDemuxDelete(demuxer) }
    var frame = WebPIterator()
    guard WebPDemuxGetFrame(demuxer, 1, &frame) != 0 else { throw .corrupt("an animation without frames") }
    defer { WebPDemuxReleaseIterator(&frame) }
    canvas.clear()
    try canvas.decode(
      UnsafeRawBufferPointer(start: frame.fragment.bytes, count: frame.fragment.size),
      x: Int(frame.x_offset), y: Int(frame.y_offset), width: Int(frame.width), height: Int(frame.height))
  }

  private static func features(_ bytes: UnsafeRawBufferPointer) throws(ImageFault) -> WebPBitstreamFeatures {
    var features = WebPBitstreamFeatures()
    try check(
      WebPGetFeatures(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), bytes.count, &features))
    return features
  }

  fileprivate static func check(_ status: VP8StatusCode) throws(ImageFault) {
    switch status {
    case VP8_STATUS_OK: return
    case VP8_STATUS_NOT_ENOUGH_DATA, VP8_STATUS_SUSPENDED: throw .truncated
    case VP8_STATUS_UNSUPPORTED_FEATURE: throw .corrupt("libwebp: unsupported feature")
    case VP8_STATUS_OUT_OF_MEMORY: throw .corrupt("libwebp: out of memory")
    default: throw .corrupt("libwebp: damaged bitstream (status \(status.rawValue))")
    }
  }
}

/// The memory that a frame is decoded into.
private struct Canvas {
  let pixels: UnsafeMutablePointer<UInt8>
  let width: Int
  let height: Int
  let channels: Int
  let mode: WEBP_CSP_MODE

  func clear() { pixels.update(repeating: 0, count: width * height * channels) }

  func decode(
    _ bitstream: UnsafeRawBufferPointer, x: Int, y: Int, width frameWidth: Int, height frameHeight: Int
  ) throws(ImageFault) {
    guard x >= 0, y >= 0, x + frameWidth <= width, y + frameHeight <= height else {
      throw .corrupt("a frame outside its canvas")
    }
    var config = WebPDecoderConfig()
    guard WebPInitDecoderConfig(&config) != 0 else { preconditionFailure("libwebp of another major version") }
    let rowLength = width * channels
    let corner = y * rowLength + x * channels
    config.output.colorspace = mode
    config.output.is_external_memory = 1
    config.output.u.RGBA.rgba = pixels + corner
    config.output.u.RGBA.stride = Int32(rowLength)
    config.output.u.RGBA.size = height * rowLength - corner
    let base = bitstream.baseAddress!.assumingMemoryBound(to: UInt8.self)
    try WebPDecoder.check(WebPGetFeatures(base, bitstream.count, &config.input))
    // libwebp would leave rows of a smaller picture untouched, and memory shows what was there before.
    guard Int(config.input.width) == frameWidth, Int(config.input.height) == frameHeight else {
      throw .corrupt("a frame of another size than its header says")
    }
    try WebPDecoder.check(WebPDecode(base, bitstream.count, &config))
  }
}

/// The RIFF container around the bitstream.
extension WebPDecoder {
  /// libwebp decodes what is there of a still picture; a file is as long as its first chunk says.
  private static func requireWhole(_ bytes: UnsafeRawBufferPointer) throws(ImageFault) {
    guard bytes.count >= 20, bytes.count - 8 >= littleEndian(bytes, at: 4) else { throw .truncated }
  }

  private static func orientation(_ bytes: UnsafeRawBufferPointer) -> ImageOrientation {
    let end = min(bytes.count, 8 + littleEndian(bytes, at: 4))
    var position = 12
    while position + 8 <= end {
      let length = littleEndian(bytes, at: position + 4)
      guard length <= end - position - 8 else { break }
      if bytes[position..<(position + 4)].elementsEqual("EXIF".utf8) {
        return EXIF.orientation(
          UnsafeRawBufferPointer(rebasing: bytes[(position + 8)..<(position + 8 + length)]))
      }
      position += 8 + length + length % 2
    }
    return .upright
  }

  private static func littleEndian(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
    Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }
}
