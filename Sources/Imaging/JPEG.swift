internal import CTurboJPEG

/// Decodes JPEG with TurboJPEG's accurate inverse DCT and smooth chroma upsampling: libjpeg's defaults, which
/// Pillow uses too. Holds a codec handle: reuse one decoder per thread for many pictures.
package final class JPEGDecoder {
  private let handle: tjhandle

  package init() {
    guard let handle = tjInitDecompress() else { preconditionFailure("tjInitDecompress: out of memory") }
    self.handle = handle
  }

  deinit { tjDestroy(handle) }

  package func decode(
    _ bytes: UnsafeRawBufferPointer, maxPixels: Int = ImageDecoder.defaultMaxPixels
  ) throws(ImageFault) -> RGBImage {
    guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { throw .empty }
    guard Self.reachesScan(bytes) else { throw .truncated }
    let header = try readHeader(base, bytes.count)
    try ImageDecoder.requireAllowed(width: header.width, height: header.height, maxPixels: maxPixels)
    guard header.isCMYK else {
      var image = RGBImage(width: header.width, height: header.height)
      try decompress(base, bytes.count, header, into: &image.pixels, channels: 3, format: TJPF_RGB)
      return image
    }
    var inverted = [UInt8](repeating: 0, count: header.width * header.height * 4)
    try decompress(base, bytes.count, header, into: &inverted, channels: 4, format: TJPF_CMYK)
    return Self.rgb(fromInvertedCMYK: inverted, width: header.width, height: header.height)
  }

  /// Whether every segment before the first scan is there in full. libjpeg makes up an end where bytes run out,
  /// and would call a file cut within its tables anything from corrupt to empty.
  private static func reachesScan(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var position = 2
    while position + 4 <= bytes.count {
      guard bytes[position] == 0xFF else { return true }  // not our business: libjpeg resynchronises
      let marker = bytes[position + 1]
      switch marker {
      case 0xDA: return true
      case 0xFF: position += 1  // padding
      case 0x01, 0xD0...0xD8: position += 2  // no length
      default: position += 2 + Int(bytes[position + 2]) << 8 + Int(bytes[position + 3])
      }
    }
    return false
  }

  private struct Header {
    var width: Int
    var height: Int
    var isCMYK: Bool
  }

  private func readHeader(_ base: UnsafePointer<UInt8>, _ count: Int) throws(ImageFault) -> Header {
    var width: Int32 = 0
    var height: Int32 = 0
    var subsampling: Int32 = -1
    var colourSpace: Int32 = -1
    let status = tjDecompressHeader3(
      handle, base, UInt(count), &width, &height, &subsampling, &colourSpace)
    // Unusual chroma sampling fails here after the size is known, yet decodes without fault.
    let isUsable = width > 0 && height > 0 && colourSpace >= 0
    if status != 0 && !isUsable { throw fault() }
    let isCMYK = colourSpace == Int32(TJCS_CMYK.rawValue) || colourSpace == Int32(TJCS_YCCK.rawValue)
    return Header(width: Int(width), height: Int(height), isCMYK: isCMYK)
  }

  /// Warnings other than a missing end keep the picture, as libjpeg's own programs and Pillow do.
  private func decompress(
    _ base: UnsafePointer<UInt8>, _ count: Int, _ header: Header, into pixels: inout [UInt8], channels: Int,
    format: TJPF
  ) throws(ImageFault) {
    let status = tjDecompress2(
      handle, base, UInt(count), &pixels, Int32(header.width), Int32(header.width * channels),
      Int32(header.height), format.rawValue, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
    if status == 0 { return }
    let fault = fault()
    if fault == .truncated || tjGetErrorCode(handle) != Int32(TJERR_WARNING.rawValue) { throw fault }
  }

  private func fault() -> ImageFault {
    let message = String(cString: tjGetErrorStr2(handle))
    return message.contains("Premature end of JPEG file") ? .truncated : .corrupt(message)
  }

  /// Adobe writes CMYK inverted, and so every reader takes it: with k the stored (inverted) black,
  /// channel = k − (255 − c)·k/255, rounded as Pillow's `cmyk2rgb` rounds.
  private static func rgb(fromInvertedCMYK inverted: [UInt8], width: Int, height: Int) -> RGBImage {
    var image = RGBImage(width: width, height: height)
    inverted.withUnsafeBufferPointer { source in
      image.pixels.withUnsafeMutableBufferPointer { target in
        for index in 0..<(width * height) {
          let key = Int32(source[4 * index + 3])
          for channel in 0..<3 {
            let product = (255 - Int32(source[4 * index + channel])) * key + 128
            target[3 * index + channel] = UInt8(max(0, key - ((product >> 8) + product) >> 8))
          }
        }
      }
    }
    return image
  }
}

/// Deterministic baseline JPEG, chroma halved both ways (4:2:0): equal pictures give equal bytes.
package enum JPEGEncoder {
  /// - Parameter quality: 1 to 100, libjpeg's scale.
  package static func encode(_ image: RGBImage, quality: Int) -> [UInt8] {
    precondition((1...100).contains(quality) && image.width > 0 && image.height > 0)
    guard let handle = tjInitCompress() else { preconditionFailure("tjInitCompress: out of memory") }
    defer { tjDestroy(handle) }
    var output: UnsafeMutablePointer<UInt8>?
    defer { tjFree(output) }
    var length: UInt = 0
    let status = tjCompress2(
      handle, image.pixels, Int32(image.width), Int32(image.width * 3), Int32(image.height),
      TJPF_RGB.rawValue, &output, &length, Int32(TJSAMP_420.rawValue), Int32(quality), TJFLAG_ACCURATEDCT)
    guard status == 0, let output else {
      preconditionFailure("tjCompress2: \(String(cString: tjGetErrorStr2(handle)))")
    }
    return Array(UnsafeBufferPointer(start: output, count: Int(length)))
  }
}
