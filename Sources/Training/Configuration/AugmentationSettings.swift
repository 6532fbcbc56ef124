import Basics
import Configuration
import ShardStream

/// How pictures are cut and recoloured: the keys of `augmentation`, or of one of its groups of crops.
package struct AugmentationSettings: Sendable, Equatable {
  /// What the other keys begin with.
  package enum Kind: String, CaseIterable, Sendable {
    /// Resize and centre crop; nothing is random.
    case none
    case randomResizedCrop = "random_resized_crop"
    /// A mild crop and a flip.
    case weak
    /// SimCLR's crop, flip, colour distortion and blur.
    case strong
  }

  package var kind: Kind
  /// The fraction of the area that a random crop keeps.
  package var scale: ClosedRange<Double>
  /// Its width by its height.
  package var ratio: ClosedRange<Double>
  /// The probability of mirroring.
  package var flip: Double
  package var colours: ColourDistortion

  package init(
    kind: Kind = .randomResizedCrop, scale: ClosedRange<Double>,
    ratio: ClosedRange<Double> = 0.75...(4.0 / 3), flip: Double = 0, colours: ColourDistortion = .none
  ) {
    (self.kind, self.scale, self.ratio, self.flip) = (kind, scale, ratio, flip)
    self.colours = colours
  }

  /// What a kind stands for where nothing else is said.
  ///
  /// - `weak`: the crop of SLIP's image-text view (Mu et al. 2021), mirrored half of the time.
  /// - `strong`: Chen et al. 2020, appendix A, with colours distorted at `strength`.
  package static func preset(_ kind: Kind, strength: Double = 1) -> AugmentationSettings {
    switch kind {
    case .none, .randomResizedCrop: AugmentationSettings(kind: kind, scale: 0.9...1)
    case .weak: AugmentationSettings(kind: kind, scale: 0.5...1, flip: 0.5)
    case .strong:
      AugmentationSettings(
        kind: kind, scale: 0.08...1, flip: 0.5,
        colours: ColourDistortion(
          jitter: ColourJitter(
            brightness: 0.8 * strength, contrast: 0.8 * strength, saturation: 0.8 * strength,
            hue: 0.2 * strength),
          jitterProbability: 0.8, greyProbability: 0.2, blurProbability: 0.5))
    }
  }

  /// A view of `size` × `size` pixels.
  ///
  /// - Parameter cropSize: what the crop is resized to before; nil for at once.
  package func preparation(
    size: Int, cropSize: Int? = nil, normalization: Normalization = .clip
  ) -> ImagePreparation {
    ImagePreparation(
      size: size, cropSize: cropSize,
      augmentation: kind == .none ? .none : .randomResizedCrop(scale: scale, ratio: ratio, flip: flip),
      colours: kind == .none ? .none : colours, normalization: normalization)
  }
}

extension AugmentationSettings {
  /// Keys that change nothing where nothing is random.
  static let randomKeys = [
    "strength", "scale", "ratio", "flip", "colour_jitter", "colour_jitter_probability", "grey", "blur",
    "blur_sigma",
  ]

  /// Reads the keys of a section.
  ///
  /// - Parameters:
  ///   - section: its name; empty for the mapping itself.
  ///   - kindKey: the key that names the kind. Where it is given, the kind's preset holds for what is not.
  ///   - defaults: hold where no kind is given.
  package static func read(
    _ reader: ConfigReader, section: String, kindKey: String, defaults: AugmentationSettings
  ) throws -> AugmentationSettings {
    func key(_ name: String) -> String { section.isEmpty ? name : "\(section).\(name)" }
    let isPreset = reader.contains(key(kindKey))
    let kind = try reader.choice(key(kindKey), default: defaults.kind)
    let strength = try reader.number(key("strength"), default: 1, in: 0...2.5)
    let base = isPreset || reader.contains(key("strength")) ? preset(kind, strength: strength) : defaults
    var settings = base
    settings.kind = kind
    settings.scale = try reader.range(key("scale"), default: base.scale, in: 1e-4...1)
    settings.ratio = try reader.range(key("ratio"), default: base.ratio, in: 0.01...100)
    settings.flip = try reader.number(key("flip"), default: base.flip, in: 0...1)
    settings.colours = try colours(reader, key, base.colours)
    guard kind != .none || settings.colours.isNone else {
      throw reader.fault(
        key(kindKey), "none changes no colours", hint: "random_resized_crop, weak and strong do")
    }
    return settings
  }

  private static func colours(
    _ reader: ConfigReader, _ key: (String) -> String, _ base: ColourDistortion
  ) throws -> ColourDistortion {
    let jitter = base.jitter
    let amounts = try reader.numbers(
      key("colour_jitter"), count: 4,
      default: [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue], in: 0...100)
    guard amounts[3] <= 0.5 else {
      throw reader.fault(
        key("colour_jitter"), "the hue turns by at most 0.5 of the circle, is \(amounts[3])",
        hint: "brightness, contrast, saturation, hue")
    }
    return ColourDistortion(
      jitter: ColourJitter(
        brightness: amounts[0], contrast: amounts[1], saturation: amounts[2], hue: amounts[3]),
      jitterProbability: try reader.number(
        key("colour_jitter_probability"), default: base.jitterProbability, in: 0...1),
      greyProbability: try reader.number(key("grey"), default: base.greyProbability, in: 0...1),
      blurProbability: try reader.number(key("blur"), default: base.blurProbability, in: 0...1),
      blurSigma: try reader.range(key("blur_sigma"), default: base.blurSigma, in: 1e-3...100))
  }

  /// For the saved configuration, in the keys' own names.
  func resolved(kindKey: String) -> [(String, JSONText)] {
    let jitter = colours.jitter
    let random: [(String, JSONText)] = [
      ("scale", Self.range(scale)), ("ratio", Self.range(ratio)), ("flip", .number(flip)),
      (
        "colour_jitter",
        .array([jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue].map(JSONText.number))
      ),
      ("colour_jitter_probability", .number(colours.jitterProbability)),
      ("grey", .number(colours.greyProbability)), ("blur", .number(colours.blurProbability)),
      ("blur_sigma", Self.range(colours.blurSigma)),
    ]
    return [(kindKey, .string(kind.rawValue))] + (kind == .none ? [] : random)
  }

  private static func range(_ range: ClosedRange<Double>) -> JSONText {
    .array([.number(range.lowerBound), .number(range.upperBound)])
  }
}
