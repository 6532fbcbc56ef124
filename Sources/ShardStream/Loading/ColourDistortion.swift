import Basics
import Imaging

/// How far torchvision's `ColorJitter` may go; 0 leaves that part alone.
package struct ColourJitter: Equatable, Sendable {
  /// The factor is uniform in [max(0, 1 − brightness), 1 + brightness].
  package var brightness: Double
  /// Likewise.
  package var contrast: Double
  /// Likewise.
  package var saturation: Double
  /// The turn is uniform in [−hue, hue] of the circle; 0.5 at most.
  package var hue: Double

  package init(brightness: Double, contrast: Double, saturation: Double, hue: Double) {
    precondition(min(brightness, contrast, saturation, hue) >= 0 && hue <= 0.5)
    (self.brightness, self.contrast, self.saturation, self.hue) = (brightness, contrast, saturation, hue)
  }

  package static let none = ColourJitter(brightness: 0, contrast: 0, saturation: 0, hue: 0)

  /// One draw: the parts that are not 0, in any order.
  func draw(_ generator: inout SeededGenerator) -> [ColourAdjustment] {
    var adjustments: [ColourAdjustment] = []
    if brightness > 0 { adjustments.append(.brightness(Self.factor(brightness, &generator))) }
    if contrast > 0 { adjustments.append(.contrast(Self.factor(contrast, &generator))) }
    if saturation > 0 { adjustments.append(.saturation(Self.factor(saturation, &generator))) }
    if hue > 0 { adjustments.append(.hue(hue * (2 * generator.nextUniform() - 1))) }
    for last in stride(from: adjustments.count - 1, to: 0, by: -1) {
      adjustments.swapAt(last, Int.random(in: 0...last, using: &generator))
    }
    return adjustments
  }

  private static func factor(_ amount: Double, _ generator: inout SeededGenerator) -> Double {
    let least = max(0, 1 - amount)
    return least + (1 + amount - least) * generator.nextUniform()
  }
}

/// Random changes of a view's colours, in SimCLR's order: jitter, grey, blur (Chen et al. 2020, appendix A).
package struct ColourDistortion: Equatable, Sendable {
  package var jitter: ColourJitter
  package var jitterProbability: Double
  package var greyProbability: Double
  package var blurProbability: Double
  /// In pixels of the view; drawn uniformly.
  package var blurSigma: ClosedRange<Double>

  package init(
    jitter: ColourJitter = .none, jitterProbability: Double = 1, greyProbability: Double = 0,
    blurProbability: Double = 0, blurSigma: ClosedRange<Double> = 0.1...2
  ) {
    precondition(blurSigma.lowerBound > 0)
    (self.jitter, self.jitterProbability) = (jitter, jitterProbability)
    (self.greyProbability, self.blurProbability) = (greyProbability, blurProbability)
    self.blurSigma = blurSigma
  }

  package static let none = ColourDistortion()

  /// Whether nothing is ever changed.
  package var isNone: Bool {
    (jitter == .none || jitterProbability == 0) && greyProbability == 0 && blurProbability == 0
  }

  /// What is done to one view of `size` × `size` pixels.
  func draw(size: Int, _ generator: inout SeededGenerator) -> [ColourAdjustment] {
    guard !isNone else { return [] }
    var adjustments: [ColourAdjustment] = []
    if generator.nextUniform() < jitterProbability { adjustments += jitter.draw(&generator) }
    if generator.nextUniform() < greyProbability { adjustments.append(.grey) }
    if generator.nextUniform() < blurProbability {
      let sigma =
        blurSigma.lowerBound + (blurSigma.upperBound - blurSigma.lowerBound) * generator.nextUniform()
      adjustments.append(.gaussianBlur(GaussianBlur(radius: Self.blurRadius(size: size), sigma: sigma)))
    }
    return adjustments
  }

  /// SimCLR's: a kernel of a tenth of the side (23 taps at 224, 9 at 96).
  static func blurRadius(size: Int) -> Int { size / 10 / 2 }
}
