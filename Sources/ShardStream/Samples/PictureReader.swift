import Imaging

/// From a picture's bytes to the views that are drawn of it; any number of threads may use one.
struct PictureReader: Sendable {
  /// Of a picture as it is, and of one whose shorter side is resized to `largestSize`.
  let maxPixels: Int
  let largestSize: Int
  /// Whether EXIF's orientation is applied.
  var appliesOrientation = true
  /// Whether a JPEG may be shrunk while it is decoded, as far as its views allow.
  var scalesJPEG = false
  private let workspaces = ImageWorkspacePool()

  init(maxPixels: Int, largestSize: Int) {
    self.maxPixels = maxPixels
    self.largestSize = largestSize
  }

  /// Decodes the picture once and draws every crop of it.
  ///
  /// What is drawn is chosen on the upright picture's full size, however it is decoded.
  ///
  /// - Parameters:
  ///   - seed: of the random draws for a crop, by its number.
  ///   - output: where a crop's values go, by its number.
  func draw(
    _ crops: [ImagePreparation], of bytes: UnsafeRawBufferPointer, seed: (Int) -> UInt64,
    into output: (Int) -> UnsafeMutableBufferPointer<Float>
  ) throws {
    let header = try header(bytes)
    let size = appliesOrientation ? header.uprightSize : (width: header.width, height: header.height)
    let views = crops.enumerated().map { $1.view(width: size.width, height: size.height, seed: seed($0)) }
    let scale = scalesJPEG && header.format == .jpeg ? JPEGScale.smallest(for: views) : .full
    try workspaces.withWorkspace { workspace in
      let picture = try Self.named { () throws(ImageFault) in
        try workspace.decode(bytes, header, scale: scale, upright: appliesOrientation)
      }
      for (number, crop) in crops.enumerated() {
        crop.draw(views[number], of: picture, with: workspace, into: output(number))
      }
    }
  }

  /// The whole picture, unscaled.
  func image(_ bytes: UnsafeRawBufferPointer) throws(SampleFault) -> RGBImage {
    _ = try header(bytes)
    return try Self.named { () throws(ImageFault) in
      try ImageDecoder.decode(bytes, maxPixels: maxPixels, upright: appliesOrientation)
    }
  }

  private func header(_ bytes: UnsafeRawBufferPointer) throws(SampleFault) -> ImageHeader {
    let header = try Self.named { () throws(ImageFault) in try ImageHeader.read(bytes, maxPixels: maxPixels) }
    let longerSide = largestSize * max(header.width, header.height) / min(header.width, header.height)
    guard longerSide <= max(maxPixels / largestSize, largestSize) else {
      throw .imageTooElongated(width: header.width, height: header.height)
    }
    return header
  }

  private static func named<R>(_ body: () throws(ImageFault) -> R) throws(SampleFault) -> R {
    do throws(ImageFault) {
      return try body()
    } catch {
      throw .image(error)
    }
  }
}
