/// What can be known of a picture before any of its pixels is decoded.
package struct ImageHeader: Sendable, Equatable {
  package let format: ImageFormat
  /// As stored, before orientation.
  package let width: Int
  package let height: Int
  package let orientation: ImageOrientation
  /// JPEG only: four components, CMYK or YCCK.
  let isCMYK: Bool

  init(
    format: ImageFormat, width: Int, height: Int, orientation: ImageOrientation, isCMYK: Bool = false
  ) {
    self.format = format
    self.width = width
    self.height = height
    self.orientation = orientation
    self.isCMYK = isCMYK
  }

  /// Width and height when the picture stands upright.
  package var uprightSize: (width: Int, height: Int) {
    orientation.swapsSides ? (height, width) : (width, height)
  }

  /// Reads the header of a JPEG, PNG or WebP file.
  ///
  /// - Throws: what is wrong with the file as far as its header tells; `.tooLarge` for more than `maxPixels`.
  package static func read(
    _ bytes: UnsafeRawBufferPointer, maxPixels: Int = ImageDecoder.defaultMaxPixels
  ) throws(ImageFault) -> ImageHeader {
    let header =
      switch try ImageFormat.detect(bytes) {
      case .jpeg: try JPEGHeader.read(bytes)
      case .png: try PNGHeader.read(bytes)
      case .webp: try WebPDecoder.header(bytes)
      }
    try header.requireAllowed(maxPixels: maxPixels)
    return header
  }

  private func requireAllowed(maxPixels: Int) throws(ImageFault) {
    guard width > 0, height > 0 else { throw .corrupt("no pixels: \(width)×\(height)") }
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    if overflow || pixels > maxPixels { throw .tooLarge(width: width, height: height) }
  }
}
