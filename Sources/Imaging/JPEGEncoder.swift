internal import CTurboJPEG

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
