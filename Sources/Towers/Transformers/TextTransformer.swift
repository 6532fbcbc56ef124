import Kernels

/// CLIP's causal text transformer: captions → features[B, D], pooled at the last token (EOT).
///
/// Linear layers run over the real tokens only; with a causal mask and EOT pooling that is exact.
package final class TextTransformer<S: ComputeScalar>: TextTower {
  private struct Saved {
    var context: PassContext
    var padded: PaddedRows
    var output: OutputNorm<S>.Saved
  }

  private let config: TextTransformerConfig
  private let freezing: Freezing
  package let tokenTable: Parameter
  private let positions: Parameter
  private let transformer: Transformer<S>
  private let finalNorm: OutputNorm<S>
  private let projection: JointLayer<S>
  private let gradientEnd: () -> Int
  /// Kept for its memory.
  private var lastRows: [Int32] = []
  private var saved: Saved?

  init(
    _ registry: ParameterRegistry, _ config: TextTransformerConfig, embedDim: Int, activation: Activation,
    freezing: Freezing
  ) {
    (self.config, self.freezing) = (config, freezing)
    let start = registry.count
    (tokenTable, positions) = registry.frozen(if: freezing.stem) {
      (
        registry.add(
          "token_embedding.weight", [config.vocabSize, config.width], decays: false, .normal(std: 0.02)),
        registry.add(
          "positional_embedding", [config.contextLength, config.width], decays: false, .normal(std: 0.01))
      )
    }
    transformer = Transformer(
      registry, name: "transformer", width: config.width, layers: config.layers, mlpRatio: config.mlpRatio,
      activation: activation, freezing: freezing)
    finalNorm = registry.frozen(if: freezing.finalNorm) {
      OutputNorm(registry, name: "ln_final", width: config.width)
    }
    projection = registry.frozen(if: freezing.projection) {
      JointLayer(registry, projection: "text_projection", width: config.width, embedDim: embedDim)
    }
    gradientEnd = registry.gradientEnd(since: start)
  }

  package func refresh(training: Bool) {
    transformer.refresh(training: training)
    projection.refresh(training: training)
  }

  package func forward(
    _ captions: PackedCaptions, into features: UnsafeMutablePointer<Float>, _ pass: TowerPass
  ) {
    lastRows.removeAll(keepingCapacity: true)
    for end in captions.offsets.dropFirst() { lastRows.append(end - 1) }
    let normed = body(captions, pooling: lastRows, pass)
    projection.forward(normed, into: features, rows: captions.count)
  }

  /// Every token's row after ln_final.
  package func forwardTokens(_ captions: PackedCaptions, _ pass: TowerPass) -> TokenRows<S> {
    let rows = body(captions, pooling: Array(0..<Int32(captions.ids.count)), pass)
    return TokenRows(rows: rows, count: captions.ids.count, columns: config.width)
  }

  /// ln_final of the given rows of the last block's output.
  private func body(_ captions: PackedCaptions, pooling index: [Int32], _ pass: TowerPass)
    -> UnsafeMutablePointer<S>
  {
    let (arena, width) = (pass.arena, config.width)
    let padded = PaddedRows(
      captions, vocabSize: config.vocabSize, contextLength: config.contextLength, arena: arena)
    let shape = AttentionShape(rows: padded.count, width: width, heads: config.heads, causal: true)
    let context = PassContext(attention: shape, offsets: captions.offsets, arena: arena)
    let x = arena.allocate(S.self, padded.count * width)
    embedTokensForward(
      table: tokenTable.value, positions: positions.value, ids: padded.ids, position: padded.position,
      into: x, rows: padded.count, columns: width)
    let stream = transformer.forward(x, context, leaving: index, training: pass.isTraining)
    let output = finalNorm.forward(stream, rows: index, arena: arena)
    // Without `training` the blocks' memory has been reused: a backward must trap, not go on.
    saved = pass.isTraining ? Saved(context: context, padded: padded, output: output) : nil
    return output.output
  }

  package func backward(
    _ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    guard projection.isTrainable else { return saved = nil }
    guard let saved else { preconditionFailure("backward without forward") }
    let (arena, output) = (saved.context.arena, saved.output)
    try arena.scratch {
      guard !freezing.finalNorm else {
        projection.backwardWeight(dFeatures, input: output.output, rows: output.rows, arena: arena)
        return
      }
      let dNormed = projection.backward(
        dFeatures, input: output.output, rows: output.rows, arena: arena)
      try backwardBody(dNormed, saved, gradientsReady)
    }
    self.saved = nil
    try gradientsReady(gradientEnd())
  }

  package func backwardTokens(
    _ dRows: UnsafePointer<S>, gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    guard !freezing.finalNorm else { return saved = nil }
    guard let saved else { preconditionFailure("backward without forward") }
    try saved.context.arena.scratch { try backwardBody(dRows, saved, gradientsReady) }
    self.saved = nil
    try gradientsReady(gradientEnd())
  }

  /// From the gradient of ln_final's output.
  private func backwardBody(
    _ dNormed: UnsafePointer<S>, _ saved: Saved, _ gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    let context = saved.context
    let arena = context.arena
    let dStream = arena.allocateZeroed(S.self, context.rows * config.width)
    finalNorm.backward(dNormed, saved.output, into: dStream, arena: arena)
    try transformer.backward(dStream, context, gradientsReady: gradientsReady)
    guard !freezing.stem else { return }
    embedTokensBackward(
      dStream, ids: saved.padded.ids, position: saved.padded.position, dTable: tokenTable.gradient,
      dPositions: positions.gradient, rows: context.rows, columns: config.width)
  }
}
