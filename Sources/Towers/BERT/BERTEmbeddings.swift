import Kernels

/// BERT's first layer: x = LN(word[id] + position[place in the caption] + type[0]); a caption is segment 0.
final class BERTEmbeddings<S: ComputeScalar> {
  /// What forward leaves for backward.
  struct Saved {
    var padded: PaddedRows
    var sum: UnsafeMutablePointer<S>
    var norm: LayerNorm<S>.Saved
  }

  private let config: BERTConfig
  /// [V, W].
  let words: Parameter
  private let positions: Parameter
  private let types: Parameter
  private let norm: LayerNorm<S>

  init(_ registry: ParameterRegistry, name: String, _ config: BERTConfig) {
    self.config = config
    func table(_ part: String, _ rows: Int) -> Parameter {
      registry.add("\(name).\(part).weight", [rows, config.width], decays: false, .normal(std: bertStd))
    }
    words = table("word_embeddings", config.vocabSize)
    positions = table("position_embeddings", config.maxPositions)
    types = table("token_type_embeddings", config.tokenTypes)
    norm = LayerNorm(
      registry, name: "\(name).LayerNorm", width: config.width, eps: Float(config.layerNormEps))
  }

  /// → x[R, W].
  func forward(_ padded: PaddedRows, arena: Arena) -> (x: UnsafeMutablePointer<S>, Saved) {
    let (rows, width) = (padded.count, config.width)
    let sum = arena.allocate(S.self, rows * width)
    arena.scratch {
      embedTokensForward(
        table: words.value, positions: typedPositions(arena), ids: padded.ids, position: padded.position,
        into: sum, rows: rows, columns: width)
    }
    let (_, x, saved) = norm.forward(sum, residual: nil, rows: rows, arena: arena)
    return (x, Saved(padded: padded, sum: sum, norm: saved))
  }

  /// The rows of the position table that captions may use, with segment 0's row added.
  private func typedPositions(_ arena: Arena) -> UnsafeMutablePointer<Float> {
    let (length, width) = (config.contextLength, config.width)
    let table = arena.allocate(Float.self, length * width)
    table.update(from: positions.value, count: length * width)
    for row in 0..<length { addInPlace(types.value, to: table + row * width, count: width) }
    return table
  }

  /// From dX[R, W].
  func backward(_ dx: UnsafePointer<S>, _ saved: Saved, arena: Arena) {
    let (rows, width) = (saved.padded.count, config.width)
    arena.scratch {
      let dSum = arena.allocateZeroed(S.self, rows * width)
      norm.backward(dx, h: saved.sum, saved.norm, addingTo: dSum, rows: rows, arena: arena)
      embedTokensBackward(
        dSum, ids: saved.padded.ids, position: saved.padded.position, dTable: words.gradient,
        dPositions: positions.gradient, rows: rows, columns: width)
      // Rows of padding have no gradient.
      addColumnSums(dSum, to: types.gradient, rows: rows, columns: width)
    }
  }
}
