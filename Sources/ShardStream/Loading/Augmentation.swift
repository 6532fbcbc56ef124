import Basics
import Imaging

/// Mean and standard deviation of each colour channel, for values in [0, 1].
package struct Normalization: Equatable, Sendable {
  package var mean: SIMD3<Float>
  package var std: SIMD3<Float>

  package init(mean: SIMD3<Float>, std: SIMD3<Float>) {
    self.mean = mean
    self.std = std
  }

  /// OpenAI CLIP's.
  package static let clip = Normalization(
    mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711])
}

/// What is cut from a decoded picture.
package enum Augmentation: Equatable, Sendable {
  /// Shorter side resized to the image size (bicubic, antialiased), then the centre.
  case none
  /// A random box of a fraction `scale` of the area and an aspect within `ratio`, resized to the image size,
  /// and mirrored with probability `flip` (torchvision's `RandomResizedCrop`).
  case randomResizedCrop(
    scale: ClosedRange<Double>, ratio: ClosedRange<Double> = (3.0 / 4)...(4.0 / 3), flip: Double = 0)

  /// What is cut from a picture of this size, standing upright, to make size × size.
  func view(width: Int, height: Int, size: Int, generator: inout SeededGenerator) -> ImageView {
    switch self {
    case .none:
      return ImageTransform.centreCropView(width: width, height: height, size: size)
    case .randomResizedCrop(let scale, let ratio, let flip):
      let box = ImageTransform.randomResizedCropBox(
        width: width, height: height, scale: scale, ratio: ratio, generator: &generator)
      let isFlipped = generator.nextUniform() < flip
      return ImageView(source: box, width: size, height: size, isFlipped: isFlipped)
    }
  }
}
