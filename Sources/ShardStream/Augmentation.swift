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

/// What happens to a decoded picture before normalisation.
package enum Augmentation: Equatable, Sendable {
  /// Shorter side resized to the image size (bicubic, antialiased), then the centre.
  case none
  /// A random box of a fraction `scale` of the area and an aspect within `ratio`, resized to the image size,
  /// and mirrored with probability `flip` (torchvision's `RandomResizedCrop`).
  case randomResizedCrop(
    scale: ClosedRange<Double>, ratio: ClosedRange<Double> = (3.0 / 4)...(4.0 / 3), flip: Double = 0)

  /// The size × size picture, and whether it is to be mirrored.
  func apply(
    to image: RGBImage, size: Int, generator: inout SeededGenerator
  ) -> (image: RGBImage, isFlipped: Bool) {
    switch self {
    case .none:
      return (ImageTransform.centreCrop(image, size: size), false)
    case .randomResizedCrop(let scale, let ratio, let flip):
      let box = ImageTransform.randomResizedCropBox(
        width: image.width, height: image.height, scale: scale, ratio: ratio, generator: &generator)
      let isFlipped = generator.nextUniform() < flip
      return (Resampling.resize(image, crop: box, width: size, height: size), isFlipped)
    }
  }
}

/// One view of a picture: what to draw, how large, and how to scale its values.
package struct ImagePreparation: Equatable, Sendable {
  package var size: Int
  package var augmentation: Augmentation
  package var normalization: Normalization

  package init(size: Int, augmentation: Augmentation = .none, normalization: Normalization = .clip) {
    precondition(size > 0)
    self.size = size
    self.augmentation = augmentation
    self.normalization = normalization
  }

  /// 3 × size × size.
  package var valueCount: Int { 3 * size * size }

  /// Writes 3 × size × size normalised floats; equal seeds give equal views.
  package func prepare(_ image: RGBImage, seed: UInt64, into output: UnsafeMutableBufferPointer<Float>) {
    precondition(output.count == valueCount)
    var generator = SeededGenerator(seed: seed)
    let view = augmentation.apply(to: image, size: size, generator: &generator)
    ImageTransform.normalise(
      view.image, mean: normalization.mean, std: normalization.std, flipped: view.isFlipped,
      into: output.baseAddress!)
  }
}
