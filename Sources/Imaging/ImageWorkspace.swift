internal import CImageKernels
import Synchronization

/// Decodes pictures and draws normalised views of them, with codec handles and memory that it keeps from one
/// picture to the next. For one thread at a time.
package final class ImageWorkspace {
  /// Memory that one picture may leave behind for the next: 2,048 × 2,048 pixels.
  private static let keptBytes = 3 << 22

  private let jpeg = JPEGDecoder()
  private let resampler = Resampler()
  private let stored = ScratchMemory<UInt8>()
  private let turned = ScratchMemory<UInt8>()
  private let resized = ScratchMemory<UInt8>()
  private let resizedAgain = ScratchMemory<UInt8>()
  private let colours = ColourAdjuster()
  private var tables = (mean: SIMD3<Float>.zero, std: SIMD3<Float>.zero, values: [Float]())

  package init() {}

  /// Decodes a picture of which `header` was read.
  ///
  /// - Parameters:
  ///   - scale: at which a JPEG is decoded; other formats have no such way.
  ///   - upright: whether to turn the picture by its orientation.
  /// - Returns: a picture that is there until the next call.
  package func decode(
    _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader, scale: JPEGScale = .full, upright: Bool = true
  ) throws(ImageFault) -> DecodedPicture {
    precondition(scale == .full || header.format == .jpeg)
    let width = scale.applied(to: header.width)
    let height = scale.applied(to: header.height)
    releaseHuge(width * height * 3)
    let pixels = stored.reserve(width * height * 3)
    switch header.format {
    case .jpeg: try jpeg.decode(bytes, header, scale: scale, into: pixels)
    case .png: try PNGCodec.decode(bytes, header, channels: 3, into: pixels)
    case .webp: try WebPDecoder.decodeRGB(bytes, header, into: pixels)
    }
    guard upright, header.orientation != .upright else {
      return DecodedPicture(pixels: pixels, width: width, height: height, scale: scale)
    }
    let target = turned.reserve(width * height * 3)
    header.orientation.apply(pixels, width: width, height: height, to: target)
    let swaps = header.orientation.swapsSides
    return DecodedPicture(
      pixels: target, width: swaps ? height : width, height: swaps ? width : height, scale: scale)
  }

  private func releaseHuge(_ wanted: Int) {
    guard wanted <= Self.keptBytes else { return }
    for memory in [stored, turned, resized, resizedAgain] { memory.shrink(to: Self.keptBytes) }
    resampler.releaseHuge(Self.keptBytes)
    colours.releaseHuge(Self.keptBytes)
  }

  /// Writes the view as 3 × outputHeight × outputWidth values, (value/255 − mean) / std.
  package func draw(
    _ view: ImageView, of picture: DecodedPicture, mean: SIMD3<Float>, std: SIMD3<Float>,
    into output: UnsafeMutablePointer<Float>
  ) {
    let pixels = unflippedPixels(view, of: picture)
    if tables.values.isEmpty || tables.mean != mean || tables.std != std {
      tables = (mean, std, ImageTransform.normalisationTables(mean: mean, std: std))
    }
    kelip_normalise(
      pixels, Int64(view.outputWidth), Int64(view.outputHeight), tables.values, view.isFlipped ? 1 : 0, output
    )
  }

  /// The view as a picture, to be looked at.
  package func picture(_ view: ImageView, of picture: DecodedPicture) -> RGBImage {
    let pixels = UnsafeBufferPointer(
      start: unflippedPixels(view, of: picture), count: view.outputWidth * view.outputHeight * 3)
    let image = RGBImage(width: view.outputWidth, height: view.outputHeight, pixels: Array(pixels))
    return view.isFlipped ? image.mirrored() : image
  }

  /// outputHeight × outputWidth × 3 values that stay until the next view. Mirroring is left to whoever copies them.
  private func unflippedPixels(_ view: ImageView, of picture: DecodedPicture) -> UnsafePointer<UInt8> {
    let (horizontal, vertical) = view.axes(scale: picture.scale, size: (picture.width, picture.height))
    var pixels = resized.reserve(view.window.width * view.window.height * 3)
    resampler.resample(
      PixelRows(base: picture.pixels, stride: picture.width * 3), horizontal: horizontal, vertical: vertical,
      to: pixels)
    if view.isResizedAgain { pixels = resizeAgain(pixels, view) }
    if !view.adjustments.isEmpty {
      colours.apply(view.adjustments, to: pixels, width: view.outputWidth, height: view.outputHeight)
    }
    return UnsafePointer(pixels)
  }

  private func resizeAgain(
    _ pixels: UnsafeMutablePointer<UInt8>, _ view: ImageView
  ) -> UnsafeMutablePointer<UInt8> {
    let target = resizedAgain.reserve(view.outputWidth * view.outputHeight * 3)
    resampler.resample(
      PixelRows(base: pixels, stride: view.window.width * 3),
      horizontal: ResampledAxis(size: view.window.width, outputSize: view.outputWidth),
      vertical: ResampledAxis(size: view.window.height, outputSize: view.outputHeight), to: target)
    return target
  }
}

/// Workspaces for any number of threads: as many as were ever in use at once.
package final class ImageWorkspacePool: Sendable {
  /// Unchecked: a workspace is in the hands of one thread, or here.
  private struct Idle: @unchecked Sendable {
    var workspaces: [ImageWorkspace] = []
  }

  private let idle = Mutex(Idle())

  package init() {}

  package func withWorkspace<R>(_ body: (ImageWorkspace) throws -> R) rethrows -> R {
    let workspace = take()
    defer { giveBack(workspace) }
    return try body(workspace)
  }

  private func take() -> ImageWorkspace {
    idle.withLock { idle -> Idle in Idle(workspaces: idle.workspaces.popLast().map { [$0] } ?? []) }
      .workspaces.first ?? ImageWorkspace()
  }

  private func giveBack(_ workspace: ImageWorkspace) {
    let returned = Idle(workspaces: [workspace])
    idle.withLock { $0.workspaces += returned.workspaces }
  }
}

/// An upright RGB picture in a workspace's memory: there until the workspace decodes the next one.
package struct DecodedPicture {
  let pixels: UnsafePointer<UInt8>
  /// As decoded, after shrinking.
  package let width: Int
  package let height: Int
  /// How much it was shrunk.
  package let scale: JPEGScale
}

extension DecodedPicture {
  /// A picture of one's own.
  package var image: RGBImage {
    RGBImage(
      width: width, height: height,
      pixels: Array(UnsafeBufferPointer(start: pixels, count: width * height * 3)))
  }
}

extension RGBImage {
  /// This picture for a workspace to draw.
  package func withDecodedPicture<R>(_ body: (DecodedPicture) throws -> R) rethrows -> R {
    precondition(width > 0 && height > 0)
    return try pixels.withUnsafeBufferPointer {
      try body(DecodedPicture(pixels: $0.baseAddress!, width: width, height: height, scale: .full))
    }
  }
}
