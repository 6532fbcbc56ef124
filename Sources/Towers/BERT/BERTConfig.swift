import Basics
import Kernels

/// BERT's sizes (Devlin et al. 2019; the defaults are bert-base-uncased's).
package struct BERTConfig: TextTowerConfig {
  package static let typeName = "bert"
  package static let knownKeys = CodingKeys.allCases.map(\.rawValue)

  /// What a caption's feature is made from.
  package enum Pooling: String, Codable, CaseIterable, Sendable {
    /// tanh of a linear layer of the first token's row: BERT's pooler.
    case pooler
    /// The first token's row.
    case cls
    /// The mean of all tokens' rows, `[CLS]` and `[SEP]` included.
    case mean
  }

  /// The most tokens of a caption, `[CLS]` and `[SEP]` included; at most `maxPositions`.
  package var contextLength: Int
  /// V, the rows of the embedding table.
  package var vocabSize: Int
  package var width: Int
  package var heads: Int
  package var layers: Int
  /// Width of the MLP's hidden layer by the tower's width.
  package var mlpRatio: Double
  /// Rows of the position table.
  package var maxPositions: Int
  /// Rows of the segment table; a caption is segment 0.
  package var tokenTypes: Int
  package var layerNormEps: Double
  package var pooling: Pooling

  enum CodingKeys: String, CodingKey, CaseIterable {
    case contextLength = "context_length"
    case vocabSize = "vocab_size"
    case width, heads, layers
    case mlpRatio = "mlp_ratio"
    case maxPositions = "max_positions"
    case tokenTypes = "token_types"
    case layerNormEps = "layer_norm_eps"
    case pooling
  }

  package init(
    contextLength: Int = 77, vocabSize: Int = 30522, width: Int = 768, heads: Int = 12, layers: Int = 12,
    mlpRatio: Double = 4, maxPositions: Int = 512, tokenTypes: Int = 2, layerNormEps: Double = 1e-12,
    pooling: Pooling = .pooler
  ) {
    (self.contextLength, self.vocabSize, self.width) = (contextLength, vocabSize, width)
    (self.heads, self.layers, self.mlpRatio) = (heads, layers, mlpRatio)
    (self.maxPositions, self.tokenTypes) = (maxPositions, tokenTypes)
    (self.layerNormEps, self.pooling) = (layerNormEps, pooling)
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let standard = BERTConfig()
    func integer(_ key: CodingKeys, _ value: Int) throws -> Int {
      try values.decodeIfPresent(Int.self, forKey: key) ?? value
    }
    self.init(
      contextLength: try integer(.contextLength, standard.contextLength),
      vocabSize: try integer(.vocabSize, standard.vocabSize), width: try integer(.width, standard.width),
      heads: try integer(.heads, standard.heads), layers: try integer(.layers, standard.layers),
      mlpRatio: try values.decodeIfPresent(Double.self, forKey: .mlpRatio) ?? standard.mlpRatio,
      maxPositions: try integer(.maxPositions, standard.maxPositions),
      tokenTypes: try integer(.tokenTypes, standard.tokenTypes),
      layerNormEps: try values.decodeIfPresent(Double.self, forKey: .layerNormEps) ?? standard.layerNormEps,
      pooling: try values.decodeIfPresent(Pooling.self, forKey: .pooling) ?? standard.pooling)
  }

  /// Width of the MLP's hidden layer.
  package var hiddenWidth: Int { Int(Double(width) * mlpRatio) }

  /// `activation` is not asked: BERT's MLP is the exact GELU's, whatever the image tower's is.
  package func makeTower<S: ComputeScalar>(
    _ registry: ParameterRegistry, embedDim: Int, activation _: Activation, freezing: Freezing, as _: S.Type
  ) -> any TextTower<S> {
    BERT<S>(registry, self, embedDim: embedDim, freezing: freezing)
  }

  package func validate() throws {
    for (name, value, least) in [
      ("context_length", contextLength, 3), ("vocab_size", vocabSize, 3), ("width", width, 1),
      ("heads", heads, 1), ("layers", layers, 1), ("token_types", tokenTypes, 1),
    ] where value < least {
      throw KelipError("must be at least \(least), is \(value)", at: "text_cfg.\(name)")
    }
    guard contextLength <= maxPositions else {
      throw KelipError(
        "max_positions \(maxPositions) are too few for context_length \(contextLength)", at: "text_cfg")
    }
    guard width % heads == 0 else {
      throw KelipError("heads \(heads) does not divide width \(width)", at: "text_cfg")
    }
    // Query, key and value lie end to end in the arena, whose tensors begin every 16 elements.
    guard width % 16 == 0 else {
      throw KelipError("width \(width) is no multiple of 16", at: "text_cfg")
    }
    guard layerNormEps > 0, layerNormEps < 1 else {
      throw KelipError("must lie between 0 and 1, is \(layerNormEps)", at: "text_cfg.layer_norm_eps")
    }
    try requireRatio(mlpRatio, width: width, section: "text_cfg")
  }
}
