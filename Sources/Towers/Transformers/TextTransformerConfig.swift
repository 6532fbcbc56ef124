import Basics
import Kernels

/// A causal text transformer's sizes.
package struct TextTransformerConfig: TextTowerConfig {
  package static let typeName = "clip"
  package static let knownKeys = CodingKeys.allCases.map(\.rawValue)

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

  package func makeTower<S: ComputeScalar>(
    _ registry: ParameterRegistry, embedDim: Int, activation: Activation, freezing: Freezing, as _: S.Type
  ) -> any TextTower<S> {
    TextTransformer<S>(registry, self, embedDim: embedDim, activation: activation, freezing: freezing)
  }

  package func validate() throws {
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
    try requireRatio(mlpRatio, width: width, section: "text_cfg")
  }
}
