import Basics
internal import CImageKernels
import Foundation

/// The geometry and arithmetic between a decoded picture and the model's input.
package enum ImageTransform {
  /// torchvision's `Resize(size, BICUBIC)` of the shorter side, then `CenterCrop(size)`: what open_clip does
  /// to a picture at evaluation. The result is size × size; nothing beyond it is computed, however long and narrow
  /// the picture is.
  package static func centreCrop(_ image: RGBImage, size: Int) -> RGBImage {
    Resampling.draw(centreCropView(width: image.width, height: image.height, size: size), of: image)
  }

  /// What `centreCrop` cuts from a picture of this size.
  package static func centreCropView(width: Int, height: Int, size: Int) -> ImageView {
    precondition(size > 0 && width > 0 && height > 0)
    let resized = shorterSideResized(width: width, height: height, size: size)
    // Halves go to the even side, as Python's round does.
    let x = Int((Double(resized.width - size) / 2).rounded(.toNearestOrEven))
    let y = Int((Double(resized.height - size) / 2).rounded(.toNearestOrEven))
    return ImageView(
      source: Box(x: 0, y: 0, width: width, height: height), width: resized.width, height: resized.height,
      window: Box(x: x, y: y, width: size, height: size))
  }

  /// The longer side is int(size · long / short), truncated.
  static func shorterSideResized(width: Int, height: Int, size: Int) -> (width: Int, height: Int) {
    let short = min(width, height)
    let long = Int(Double(size * max(width, height)) / Double(short))
    return width <= height ? (size, long) : (long, size)
  }

  /// torchvision's `RandomResizedCrop.get_params`: ten tries at a box whose area is a fraction `scale` of the
  /// picture's and whose aspect is log-uniform in `ratio`, else the largest central box within `ratio`.
  package static func randomResizedCropBox(
    width: Int, height: Int, scale: ClosedRange<Double>, ratio: ClosedRange<Double> = (3.0 / 4)...(4.0 / 3),
    generator: inout SeededGenerator
  ) -> Box {
    precondition(width > 0 && height > 0 && scale.lowerBound > 0 && ratio.lowerBound > 0)
    for _ in 0..<10 {
      let area = Double(width * height) * generator.nextUniform(in: scale)
      let aspect = exp(generator.nextUniform(in: log(ratio.lowerBound)...log(ratio.upperBound)))
      let boxWidth = Int((area * aspect).squareRoot().rounded(.toNearestOrEven))
      let boxHeight = Int((area / aspect).squareRoot().rounded(.toNearestOrEven))
      guard (1...width).contains(boxWidth), (1...height).contains(boxHeight) else { continue }
      let y = Int.random(in: 0...(height - boxHeight), using: &generator)
      let x = Int.random(in: 0...(width - boxWidth), using: &generator)
      return Box(x: x, y: y, width: boxWidth, height: boxHeight)
    }
    return centralBox(width: width, height: height, ratio: ratio)
  }

  private static func centralBox(width: Int, height: Int, ratio: ClosedRange<Double>) -> Box {
    let aspect = Double(width) / Double(height)
    var box = Box(x: 0, y: 0, width: width, height: height)
    if aspect < ratio.lowerBound {
      box.height = max(1, Int((Double(width) / ratio.lowerBound).rounded(.toNearestOrEven)))
    } else if aspect > ratio.upperBound {
      box.width = max(1, Int((Double(height) * ratio.upperBound).rounded(.toNearestOrEven)))
    }
    box.x = (width - box.width) / 2
    box.y = (height - box.height) / 2
    return box
  }

  /// 3 × height × width floats, (value/255 − mean) / std for each channel.
  ///
  /// - Parameter flipped: mirrored left to right.
  package static func normalise(
    _ image: RGBImage, mean: SIMD3<Float>, std: SIMD3<Float>, flipped: Bool = false,
    into output: UnsafeMutablePointer<Float>
  ) {
    let tables = normalisationTables(mean: mean, std: std)
    image.pixels.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      kelip_normalise(base, Int64(image.width), Int64(image.height), tables, flipped ? 1 : 0, output)
    }
  }

  /// 3 × 256: what each value of each channel becomes.
  static func normalisationTables(mean: SIMD3<Float>, std: SIMD3<Float>) -> [Float] {
    (0..<3).flatMap { channel in (0..<256).map { (Float($0) / 255 - mean[channel]) / std[channel] } }
  }
}

extension SeededGenerator {
  /// Uniform between the bounds.
  fileprivate mutating func nextUniform(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * nextUniform()
  }
}
