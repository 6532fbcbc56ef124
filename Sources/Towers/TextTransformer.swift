import Kernels

/// Captions laid end to end without padding: caption i is ids[offsets[i] ..< offsets[i + 1]], `[SOT] … [EOT]`.
package struct PackedCaptions: Sendable {
  /// Token ids of all captions.
  package var ids: [Int32]
  /// B + 1 places in `ids`, from 0 to its count.
  package var offsets: [Int32]

  /// Traps when `offsets` do not span `ids`.
  package init(ids: [Int32], offsets: [Int32]) {
    precondition(offsets.first == 0 && offsets.last == Int32(ids.count))
    (self.ids, self.offsets) = (ids, offsets)
  }

  /// B, the number of captions.
  package var count: Int { offsets.count - 1 }
}

/// CLIP's causal text transformer: captions → features[B, D], pooled at the last token (EOT).
///
/// Linear layers run over the real tokens only; with a causal mask and EOT pooling that is exact. The row count is
/// rounded up to a multiple of 32, so that few shapes of matrix product occur; the padding rows carry no gradient.
package final class TextTransformer<S: ComputeScalar> {
  private struct Saved {
    var context: PassContext
    var ids: [Int32]
    var position: [Int32]
    var pooled: UnsafeMutablePointer<S>
    var finalNorm: LayerNorm<S>.Saved
    var lastRows: [Int32]
  }

  private let config: TextConfig
  private let tokenEmbedding: Parameter
  private let positions: Parameter
  private let transformer: Transformer<S>
  private let finalNorm: LayerNorm<S>
  private let projection: FeatureProjection<S>
  private var saved: Saved?

  init(_ registry: ParameterRegistry, _ config: TextConfig, embedDim: Int, activation: Activation) {
    self.config = config
    tokenEmbedding = registry.add(
      "token_embedding.weight", [config.vocabSize, config.width], decays: false, .normal(std: 0.02))
    positions = registry.add(
      "positional_embedding", [config.contextLength, config.width], decays: false, .normal(std: 0.01))
    transformer = Transformer(
      registry, name: "transformer", width: config.width, layers: config.layers, mlpRatio: config.mlpRatio,
      activation: activation)
    finalNorm = LayerNorm(registry, name: "ln_final", width: config.width)
    projection = FeatureProjection(registry, name: "text_projection", width: config.width, embedDim: embedDim)
  }

  func refresh(training: Bool) {
    transformer.refresh(training: training)
    projection.refresh(training: training)
  }

  /// captions → `features`[B, D], not normalised.
  func forward(
    _ captions: PackedCaptions, into features: UnsafeMutablePointer<Float>, arena: Arena, training: Bool
  ) {
    let (ids, position) = paddedRows(captions)
    let (rows, width) = (ids.count, config.width)
    let shape = AttentionShape(rows: rows, width: width, heads: config.heads, causal: true)
    let context = PassContext(attention: shape, offsets: captions.offsets, arena: arena)
    let x = arena.allocate(S.self, rows * width)
    embedTokensForward(
      table: tokenEmbedding.value, positions: positions.value, ids: ids, position: position, into: x,
      rows: rows,
      columns: width)
    let stream = transformer.forward(x, context, training: training)
    let lastRows = captions.offsets.dropFirst().map { $0 - 1 }
    let count = captions.count * width
    let (pooled, residual) = (arena.allocate(S.self, count), arena.allocate(S.self, count))
    gatherRows(stream.h, index: lastRows, into: pooled, columns: width)
    gatherRows(stream.r!, index: lastRows, into: residual, columns: width)
    let (h, normed, savedFinal) = finalNorm.forward(
      pooled, residual: residual, rows: captions.count, arena: arena)
    projection.forward(normed, into: features, rows: captions.count)
    // Without `training` the blocks' memory has been reused: a backward must trap, not go on.
    guard training else {
      saved = nil
      return
    }
    saved = Saved(
      context: context, ids: ids, position: position, pooled: h, finalNorm: savedFinal, lastRows: lastRows)
  }

  /// From dFeatures[B, D]; accumulates every parameter's gradient.
  func backward(_ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void) rethrows {
    guard let saved else { preconditionFailure("backward without forward") }
    let (arena, rows, width) = (saved.context.arena, saved.context.rows, config.width)
    try arena.scratch {
      let dStream = arena.allocateZeroed(S.self, rows * width)
      backwardPooling(dFeatures, saved, into: dStream)
      try transformer.backward(dStream, saved.context, gradientsReady: gradientsReady)
      embedTokensBackward(
        dStream, ids: saved.ids, position: saved.position, dTable: tokenEmbedding.gradient,
        dPositions: positions.gradient, rows: rows, columns: width)
    }
    self.saved = nil
    try gradientsReady(tokenEmbedding.end)
  }

  private func backwardPooling(
    _ dFeatures: UnsafePointer<Float>, _ saved: Saved, into dStream: UnsafeMutablePointer<S>
  ) {
    let (arena, batch) = (saved.context.arena, saved.lastRows.count)
    arena.scratch {
      let dNormed = projection.backward(dFeatures, input: saved.finalNorm.output, rows: batch, arena: arena)
      let dPooled = arena.allocateZeroed(S.self, batch * config.width)
      finalNorm.backward(dNormed, h: saved.pooled, saved.finalNorm, addingTo: dPooled, rows: batch)
      scatterRows(dPooled, index: saved.lastRows, into: dStream, columns: config.width)
    }
  }

  /// Token ids and their places in their captions, extended by padding rows (id −1).
  private func paddedRows(_ captions: PackedCaptions) -> (ids: [Int32], position: [Int32]) {
    let rows = (captions.ids.count + 31) & ~31
    var ids = captions.ids
    for id in ids { precondition(id >= 0 && Int(id) < config.vocabSize, "token id outside the vocabulary") }
    ids.append(contentsOf: repeatElement(-1, count: rows - ids.count))
    var position = [Int32](repeating: 0, count: rows)
    for caption in 0..<captions.count {
      let (start, end) = (captions.offsets[caption], captions.offsets[caption + 1])
      precondition(end > start && end - start <= config.contextLength, "caption longer than the context")
      for row in start..<end { position[Int(row)] = row - start }
    }
    return (ids, position)
  }
}
