internal import CImageKernels

/// Changes the colours of pictures in place, with memory that it keeps; for one thread at a time.
///
/// Equal bit for bit to torchvision on Pillow pictures, but for the blur: its sums are taken in another order, so
/// that a value in a few thousand is 1/255 off.
final class ColourAdjuster {
  private let copy = ScratchMemory<UInt8>()
  private let rows = ScratchMemory<UnsafePointer<UInt8>?>()
  private let line = ScratchMemory<Float>()

  /// - Parameter pixels: height × width × 3.
  func apply(
    _ adjustments: [ColourAdjustment], to pixels: UnsafeMutablePointer<UInt8>, width: Int, height: Int
  ) {
    let count = Int64(width * height)
    for adjustment in adjustments {
      switch adjustment {
      case .brightness(let factor): Self.blend(pixels, count, from: 0, factor)
      case .contrast(let factor): Self.blend(pixels, count, from: Self.meanLuma(pixels, count), factor)
      case .saturation(let factor): kelip_saturate(pixels, count, Float(factor))
      case .hue(let turn): kelip_shift_hue(pixels, count, UInt8(truncatingIfNeeded: Int(turn * 255)))
      case .grey: kelip_grey(pixels, count)
      case .gaussianBlur(let blur): apply(blur, to: pixels, width: width, height: height)
      }
    }
  }

  /// Gives memory back that is larger than `bytes`.
  func releaseHuge(_ bytes: Int) {
    copy.shrink(to: bytes)
    line.shrink(to: bytes / MemoryLayout<Float>.stride)
  }

  /// Pillow's `ImageStat` mean of the picture in grey, rounded.
  private static func meanLuma(_ pixels: UnsafePointer<UInt8>, _ count: Int64) -> Int {
    guard count > 0 else { return 0 }
    return Int(Double(kelip_luma_sum(pixels, count)) / Double(count) + 0.5)
  }

  /// Pillow's `blend` of a picture of one grey with this one, in 32-bit floats.
  private static func blend(
    _ pixels: UnsafeMutablePointer<UInt8>, _ count: Int64, from grey: Int, _ factor: Double
  ) {
    let factor = Float(factor)
    let table = (0..<256).map { value -> UInt8 in
      let sum = Float(grey) + factor * Float(value - grey)
      return UInt8(min(max(sum, 0), 255))
    }
    kelip_map_values(pixels, 3 * count, table)
  }

  private func apply(
    _ blur: GaussianBlur, to pixels: UnsafeMutablePointer<UInt8>, width: Int, height: Int
  ) {
    precondition(blur.radius < min(width, height), "a blur wider than the picture")
    guard blur.radius > 0 else { return }
    let source = copy.reserve(width * height * 3)
    source.update(from: pixels, count: width * height * 3)
    kelip_blur(
      source, Int64(width), Int64(height), blur.weights, Int64(blur.radius),
      rows.reserve(2 * blur.radius + 1), line.reserve(3 * (width + 2 * blur.radius)), pixels)
  }
}

extension RGBImage {
  /// The picture after these changes, one after the other.
  package func adjusted(by adjustments: [ColourAdjustment]) -> RGBImage {
    var result = self
    result.pixels.withUnsafeMutableBufferPointer { pixels in
      guard let base = pixels.baseAddress else { return }
      ColourAdjuster().apply(adjustments, to: base, width: width, height: height)
    }
    return result
  }
}
