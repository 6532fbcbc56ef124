#if canImport(Glibc)
  import Glibc
#endif

/// One change of a picture's colours, its amount drawn already: torchvision's functions on Pillow pictures.
package enum ColourAdjustment: Sendable, Equatable {
  /// `adjust_brightness`: 0 is black, 1 changes nothing.
  case brightness(Double)
  /// `adjust_contrast`: 0 is the picture's mean luma, 1 changes nothing.
  case contrast(Double)
  /// `adjust_saturation`: 0 is grey, 1 changes nothing.
  case saturation(Double)
  /// `adjust_hue`: −0.5 to 0.5 of the circle, in steps of 1/255. Even 0 goes through 8-bit HSV and rounds.
  case hue(Double)
  /// `rgb_to_grayscale` to three channels.
  case grey
  case gaussianBlur(GaussianBlur)
}

/// torchvision's `gaussian_blur` with the same kernel along both sides; edges are mirrored.
package struct GaussianBlur: Sendable, Equatable {
  /// Pixels; the kernel has 2 · radius + 1 taps a side.
  package let radius: Int
  /// Pixels.
  package let sigma: Double

  package init(radius: Int, sigma: Double) {
    precondition(radius >= 0 && sigma > 0)
    self.radius = radius
    self.sigma = sigma
  }

  /// The weights from the centre outwards; those of the whole kernel add up to 1.
  var weights: [Float] {
    let densities = (0...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
    let sum = densities[0] + 2 * densities.dropFirst().reduce(0, +)
    return densities.map { Float($0 / sum) }
  }
}
