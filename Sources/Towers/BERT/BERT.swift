import Kernels

/// BERT (Devlin et al. 2019): captions `[CLS] … [SEP]` → features[B, D].
///
/// Word, position and segment embeddings, L post-LayerNorm layers with the exact GELU, pooling, a last layer to the
/// joint space. Weight names are Hugging Face's, under `text.`. Captions are packed as for `TextTransformer`, which is
/// what a padding mask computes. There is no dropout, as in the field's image-text training.
package final class BERT<S: ComputeScalar>: TextTower {
  private struct Saved {
    var context: PassContext
    var embeddings: BERTEmbeddings<S>.Saved
    var tokenCount: Int
    /// Nil after `forwardTokens`.
    var pooled: BERTPooling<S>.Saved?
  }

  private let config: BERTConfig
  private let freezing: Freezing
  private let embeddings: BERTEmbeddings<S>
  private let layers: [BERTLayer<S>]
  /// Layers below it keep their weights.
  private let firstTrained: Int
  private let pooling: BERTPooling<S>
  private let projection: JointLayer<S>
  private let gradientEnd: () -> Int
  private var saved: Saved?

  init(_ registry: ParameterRegistry, _ config: BERTConfig, embedDim: Int, freezing: Freezing = .none) {
    (self.config, self.freezing) = (config, freezing)
    let start = registry.count
    embeddings = registry.frozen(if: freezing.stem) {
      BERTEmbeddings(registry, name: "text.embeddings", config)
    }
    layers = (0..<config.layers).map { index in
      registry.frozen(if: freezing.block(index)) {
        BERTLayer(registry, name: "text.encoder.layer.\(index)", config)
      }
    }
    firstTrained = (0..<config.layers).first { !freezing.block($0) } ?? config.layers
    pooling = registry.frozen(if: freezing.finalNorm) {
      BERTPooling(registry, name: "text.pooler", config)
    }
    projection = registry.frozen(if: freezing.projection) {
      JointLayer(registry, name: "text.projection", width: config.width, embedDim: embedDim)
    }
    gradientEnd = registry.gradientEnd(since: start)
  }

  package var tokenTable: Parameter { embeddings.words }

  package func refresh(training: Bool) {
    for layer in layers { layer.refresh(training: training) }
    pooling.refresh(training: training)
    projection.refresh(training: training)
  }

  package func forward(
    _ captions: PackedCaptions, into features: UnsafeMutablePointer<Float>, _ pass: TowerPass
  ) {
    let (rows, context) = body(captions, pass)
    let pooled = pooling.forward(rows, context)
    projection.forward(pooled.output, into: features, rows: captions.count)
    saved?.pooled = pooled
  }

  /// Every token's row after the last layer.
  package func forwardTokens(_ captions: PackedCaptions, _ pass: TowerPass) -> TokenRows<S> {
    TokenRows(rows: body(captions, pass).rows, count: captions.ids.count, columns: config.width)
  }

  /// The last layer's rows, padding behind them.
  private func body(_ captions: PackedCaptions, _ pass: TowerPass)
    -> (rows: UnsafeMutablePointer<S>, PassContext)
  {
    let padded = PaddedRows(
      captions, vocabSize: config.vocabSize, contextLength: config.contextLength, arena: pass.arena)
    let shape = AttentionShape(rows: padded.count, width: config.width, heads: config.heads, causal: false)
    let context = PassContext(attention: shape, offsets: captions.offsets, arena: pass.arena)
    let (x, stem) = embeddings.forward(padded, arena: pass.arena)
    let keptFrom = pass.isTraining ? firstTrained : layers.count
    let middle = passThrough(layers[..<keptFrom], x, context)
    var rows = middle
    for layer in layers[keptFrom...] { rows = layer.forward(rows, context) }
    // Without `training` the layers' memory has been reused: a backward must trap, not go on.
    saved =
      pass.isTraining ? Saved(context: context, embeddings: stem, tokenCount: captions.ids.count) : nil
    return (rows, context)
  }

  /// Overwrites x[R, W] with the output of these layers and keeps nothing else.
  private func passThrough(
    _ layers: ArraySlice<BERTLayer<S>>, _ x: UnsafeMutablePointer<S>, _ context: PassContext
  ) -> UnsafeMutablePointer<S> {
    for layer in layers {
      context.arena.scratch {
        x.update(from: layer.forward(x, context), count: context.rows * config.width)
      }
    }
    return x
  }

  package func backward(
    _ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    guard projection.isTrainable else { return saved = nil }
    guard let saved, let pooled = saved.pooled else { preconditionFailure("backward without forward") }
    let (context, batch) = (saved.context, saved.context.offsets.count - 1)
    try context.arena.scratch {
      guard !freezing.finalNorm else {
        projection.backwardWeight(dFeatures, input: pooled.output, rows: batch, arena: context.arena)
        return
      }
      let dPooled = projection.backward(dFeatures, input: pooled.output, rows: batch, arena: context.arena)
      guard firstTrained < layers.count else {
        return pooling.backward(dPooled, pooled, into: nil, context)
      }
      let dRows = context.arena.allocateZeroed(S.self, context.rows * config.width)
      pooling.backward(dPooled, pooled, into: dRows, context)
      try backwardBody(dRows, saved, gradientsReady)
    }
    self.saved = nil
    try gradientsReady(gradientEnd())
  }

  package func backwardTokens(
    _ dRows: UnsafePointer<S>, gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    guard firstTrained < layers.count else { return saved = nil }
    guard let saved else { preconditionFailure("backward without forward") }
    try saved.context.arena.scratch {
      let padded = saved.context.arena.allocateZeroed(S.self, saved.context.rows * config.width)
      padded.update(from: dRows, count: saved.tokenCount * config.width)
      try backwardBody(padded, saved, gradientsReady)
    }
    self.saved = nil
    try gradientsReady(gradientEnd())
  }

  /// `dRows`[R, W], zeros in padding: the gradient of the last layer's output, used up.
  private func backwardBody(
    _ dRows: UnsafeMutablePointer<S>, _ saved: Saved, _ gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    for layer in layers[firstTrained...].reversed() {
      layer.backward(dRows, saved.context)
      try gradientsReady(layer.gradientEnd())
    }
    guard !freezing.stem else { return }
    embeddings.backward(dRows, saved.embeddings, arena: saved.context.arena)
  }
}
