import Basics
import Kernels

/// A model file: open_clip's keys.
package struct ModelConfig: Codable, Sendable, Equatable {
  /// D, the dimension of the joint space.
  package var embedDim: Int
  /// x·σ(1.702 x) in place of the exact GELU, in both towers.
  package var quickGelu: Bool
  package var vision: VisionConfig
  package var text: TextConfig

  enum CodingKeys: String, CodingKey, CaseIterable {
    case embedDim = "embed_dim"
    case quickGelu = "quick_gelu"
    case vision = "vision_cfg"
    case text = "text_cfg"
  }

  /// Sizes as given; `validate()` checks them.
  package init(embedDim: Int, quickGelu: Bool = false, vision: VisionConfig, text: TextConfig) {
    (self.embedDim, self.quickGelu, self.vision, self.text) = (embedDim, quickGelu, vision, text)
  }

  /// `quick_gelu` is false where it is missing; the other keys are needed.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    embedDim = try values.decode(Int.self, forKey: .embedDim)
    quickGelu = try values.decodeIfPresent(Bool.self, forKey: .quickGelu) ?? false
    vision = try values.decode(VisionConfig.self, forKey: .vision)
    text = try values.decode(TextConfig.self, forKey: .text)
  }

  /// The activation of both towers' MLPs.
  package var activation: Activation { quickGelu ? .quickGELU : .gelu }

  /// The keys each section knows, for messages about unknown ones.
  package static let knownKeys: [String: [String]] = [
    "": CodingKeys.allCases.map(\.rawValue),
    "vision_cfg": VisionConfig.CodingKeys.allCases.map(\.rawValue),
    "text_cfg": TextConfig.CodingKeys.allCases.map(\.rawValue),
  ]

  /// Throws when the sizes do not fit each other.
  package func validate() throws {
    try vision.validate()
    try text.validate()
    for (section, width, ratio) in [
      ("vision_cfg", vision.width, vision.mlpRatio), ("text_cfg", text.width, text.mlpRatio),
    ] {
      // Written so that NaN is refused too.
      guard ratio <= 64, Double(width) * ratio >= 1 else {
        throw KelipError("\(ratio) leaves no room or is above 64", at: "\(section).mlp_ratio")
      }
    }
    guard embedDim > 0 else { throw KelipError("embed_dim must be positive, is \(embedDim)") }
  }
}

/// A vision transformer's sizes.
package struct VisionConfig: Codable, Sendable, Equatable {
  /// Side of the square pictures, in pixels.
  package var imageSize: Int
  /// Side of a square patch, in pixels; divides `imageSize`.
  package var patchSize: Int
  package var width: Int
  package var layers: Int
  /// Width of one attention head; heads = width / headWidth.
  package var headWidth: Int
  /// Width of the MLP's hidden layer by the tower's width.
  package var mlpRatio: Double

  enum CodingKeys: String, CodingKey, CaseIterable {
    case imageSize = "image_size"
    case patchSize = "patch_size"
    case width, layers
    case headWidth = "head_width"
    case mlpRatio = "mlp_ratio"
  }

  package init(
    imageSize: Int, patchSize: Int, width: Int, layers: Int, headWidth: Int = 64, mlpRatio: Double = 4
  ) {
    (self.imageSize, self.patchSize, self.width, self.layers) = (imageSize, patchSize, width, layers)
    (self.headWidth, self.mlpRatio) = (headWidth, mlpRatio)
  }

  /// Missing keys get open_clip's defaults.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    imageSize = try values.decodeIfPresent(Int.self, forKey: .imageSize) ?? 224
    patchSize = try values.decodeIfPresent(Int.self, forKey: .patchSize) ?? 16
    width = try values.decodeIfPresent(Int.self, forKey: .width) ?? 768
    layers = try values.decodeIfPresent(Int.self, forKey: .layers) ?? 12
    headWidth = try values.decodeIfPresent(Int.self, forKey: .headWidth) ?? 64
    mlpRatio = try values.decodeIfPresent(Double.self, forKey: .mlpRatio) ?? 4
  }

  /// Attention heads.
  package var heads: Int { width / headWidth }
  /// P, the patches of a picture.
  package var patchCount: Int { (imageSize / patchSize) * (imageSize / patchSize) }
  /// Rows an image takes: its patches and the class token.
  package var tokenCount: Int { patchCount + 1 }

  func validate() throws {
    for (name, value) in [
      ("image_size", imageSize), ("patch_size", patchSize), ("width", width), ("layers", layers),
      ("head_width", headWidth),
    ] where value < 1 {
      throw KelipError("must be at least 1, is \(value)", at: "vision_cfg.\(name)")
    }
    guard imageSize % patchSize == 0 else {
      throw KelipError("patch_size \(patchSize) does not divide image_size \(imageSize)", at: "vision_cfg")
    }
    guard width % headWidth == 0 else {
      throw KelipError("head_width \(headWidth) does not divide width \(width)", at: "vision_cfg")
    }
  }
}

/// A causal text transformer's sizes.
package struct TextConfig: Codable, Sendable, Equatable {
  /// The most tokens of a caption, `[SOT]` and `[EOT]` included.
  package var contextLength: Int
  /// V, the rows of the embedding table.
  package var vocabSize: Int
  package var width: Int
  package var heads: Int
  package var layers: Int
  /// Width of the MLP's hidden layer by the tower's width.
  package var mlpRatio: Double

  enum CodingKeys: String, CodingKey, CaseIterable {
    case contextLength = "context_length"
    case vocabSize = "vocab_size"
    case width, heads, layers
    case mlpRatio = "mlp_ratio"
  }

  package init(contextLength: Int, vocabSize: Int, width: Int, heads: Int, layers: Int, mlpRatio: Double = 4)
  {
    (self.contextLength, self.vocabSize, self.width) = (contextLength, vocabSize, width)
    (self.heads, self.layers, self.mlpRatio) = (heads, layers, mlpRatio)
  }

  /// Missing keys get open_clip's defaults.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    contextLength = try values.decodeIfPresent(Int.self, forKey: .contextLength) ?? 77
    vocabSize = try values.decodeIfPresent(Int.self, forKey: .vocabSize) ?? 49408
    width = try values.decodeIfPresent(Int.self, forKey: .width) ?? 512
    heads = try values.decodeIfPresent(Int.self, forKey: .heads) ?? 8
    layers = try values.decodeIfPresent(Int.self, forKey: .layers) ?? 12
    mlpRatio = try values.decodeIfPresent(Double.self, forKey: .mlpRatio) ?? 4
  }

  func validate() throws {
    for (name, value, least) in [
      ("context_length", contextLength, 3), ("vocab_size", vocabSize, 3), ("width", width, 1),
      ("heads", heads, 1),
      ("layers", layers, 1),
    ] where value < least {
      throw KelipError("must be at least \(least), is \(value)", at: "text_cfg.\(name)")
    }
    guard width % heads == 0 else {
      throw KelipError("heads \(heads) does not divide width \(width)", at: "text_cfg")
    }
  }
}
