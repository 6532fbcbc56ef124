import Kernels

/// CLIP's vision transformer (Dosovitskiy et al. 2021; Radford et al. 2021): B images [3, H, W] → features[B, D].
///
/// Patches through a bias-free convolution, a class token, learned positions, ln_pre, L blocks, ln_post of the class
/// token, a projection. Weight names are OpenAI CLIP's, under `visual.`. Pictures of another size than the configured
/// one get interpolated positions; their sides must be multiples of the patch. Of `keptPatches`, only those take part;
/// the class token always does but in a masked autoencoder without it.
package final class VisionTransformer<S: ComputeScalar>: ImageTower {
  private struct Saved {
    var context: PassContext
    var layout: PatchLayout
    /// B·K × 3p².
    var patches: UnsafeMutablePointer<S>
    var assembled: UnsafeMutablePointer<S>
    var preNorm: LayerNorm<S>.Saved
    var output: OutputNorm<S>.Saved
  }

  private let config: VisionTransformerConfig
  private let embedDim: Int
  private let freezing: Freezing
  private let stem: Linear<S>
  private let classEmbedding: Parameter
  private let positions: PatchPositions<S>
  private let preNorm: LayerNorm<S>
  private let transformer: Transformer<S>
  private let postNorm: OutputNorm<S>
  private let projection: JointLayer<S>
  private let gradientEnd: () -> Int
  private var layouts: PatchLayouts
  private var saved: Saved?

  init(
    _ registry: ParameterRegistry, _ config: VisionTransformerConfig, embedDim: Int, activation: Activation,
    freezing: Freezing
  ) {
    (self.config, self.embedDim, self.freezing) = (config, embedDim, freezing)
    layouts = PatchLayouts(patchSize: config.patchSize)
    let (width, patch, start) = (config.width, config.patchSize, registry.count)
    let scale = 1 / Float(width).squareRoot()
    (classEmbedding, positions, stem, preNorm) = registry.frozen(if: freezing.stem) {
      let classEmbedding = registry.add(
        "visual.class_embedding", [width], decays: false, .normal(std: scale))
      let positions = PatchPositions<S>(
        registry, name: "visual.positional_embedding", side: config.imageSize / patch, width: width,
        std: scale)
      // torch.nn.Conv2d's default: uniform in ±1/√fan_in.
      let fanIn = 3 * patch * patch
      let stem = Linear<S>(
        registry, weight: "visual.conv1.weight", bias: nil, shape: [width, 3, patch, patch], inputs: fanIn,
        outputs: width, .uniform(bound: 1 / Float(fanIn).squareRoot()))
      return (classEmbedding, positions, stem, LayerNorm(registry, name: "visual.ln_pre", width: width))
    }
    transformer = Transformer(
      registry, name: "visual.transformer", width: width, layers: config.layers, mlpRatio: config.mlpRatio,
      activation: activation, freezing: freezing)
    postNorm = registry.frozen(if: freezing.finalNorm) {
      OutputNorm(registry, name: "visual.ln_post", width: width)
    }
    projection = registry.frozen(if: freezing.projection) {
      JointLayer(registry, projection: "visual.proj", width: width, embedDim: embedDim)
    }
    gradientEnd = registry.gradientEnd(since: start)
  }

  package func refresh(training: Bool) {
    stem.refresh(training: training)
    transformer.refresh(training: training)
    projection.refresh(training: training)
  }

  package func forward(
    _ images: ImageBatch, into features: UnsafeMutablePointer<Float>, _ pass: TowerPass
  ) {
    let layout = layouts.layout(images, hasClassToken: true)
    let normed = body(images, layout, pooling: layout.classRows, pass)
    projection.forward(normed, into: features, rows: images.count)
  }

  /// The patches' rows after ln_post.
  package func forwardGrid(_ images: ImageBatch, _ pass: TowerPass) -> FeatureGrid<S> {
    precondition(images.keptPatches == nil, "a grid has all its cells")
    let layout = layouts.layout(images, hasClassToken: true)
    let rows = body(images, layout, pooling: layout.patchRows, pass)
    return FeatureGrid(
      rows: rows, height: layout.gridHeight, width: layout.gridWidth, columns: config.width)
  }

  /// Every row after ln_post, [B · (class token + K), W], for a masked autoencoder's decoder; backward is
  /// `backwardGrid`.
  func forwardRows(_ images: ImageBatch, hasClassToken: Bool, _ pass: TowerPass) -> UnsafeMutablePointer<S> {
    let layout = layouts.layout(images, hasClassToken: hasClassToken)
    return body(images, layout, pooling: layout.allRows, pass)
  }

  /// The same projected to the joint space, [B · (class token + K), D]; backward is `backward`.
  func forwardProjectedRows(
    _ images: ImageBatch, hasClassToken: Bool, into features: UnsafeMutablePointer<Float>, _ pass: TowerPass
  ) {
    let layout = layouts.layout(images, hasClassToken: hasClassToken)
    let normed = body(images, layout, pooling: layout.allRows, pass)
    projection.forward(normed, into: features, rows: layout.rows)
  }

  /// ln_post of the given rows of the last block's output.
  private func body(
    _ images: ImageBatch, _ layout: PatchLayout, pooling index: [Int32], _ pass: TowerPass
  ) -> UnsafeMutablePointer<S> {
    let (arena, width, patchSize) = (pass.arena, config.width, config.patchSize)
    let context = passContext(layout, arena)
    let rows = context.rows
    let patches = arena.allocate(S.self, layout.patches.count * 3 * patchSize * patchSize)
    gatherPatches(
      images.values, index: layout.patches, into: patches, height: images.height, width: images.width,
      patchSize: patchSize)
    let embedded = stem.forward(patches, rows: layout.patches.count, arena: arena)
    let assembled = arena.allocate(S.self, rows * width)
    assembleTokensForward(
      embedded, token: classEmbedding.value, positions: positions.values(layout, arena),
      source: layout.source, position: layout.position, into: assembled, columns: width)
    let (_, x, savedPre) = preNorm.forward(assembled, residual: nil, rows: rows, arena: arena)
    let stream = transformer.forward(x, context, leaving: index, training: pass.isTraining)
    let output = postNorm.forward(stream, rows: index, arena: arena)
    // Without `training` the blocks' memory has been reused: a backward must trap, not go on.
    saved =
      pass.isTraining
      ? Saved(
        context: context, layout: layout, patches: patches, assembled: assembled, preNorm: savedPre,
        output: output) : nil
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
        projection.backwardWeight(
          dFeatures, input: output.output, rows: output.rows, arena: arena)
        return
      }
      let dNormed = projection.backward(
        dFeatures, input: output.output, rows: output.rows, arena: arena)
      try backwardBody(dNormed, saved, gradientsReady)
    }
    self.saved = nil
    try gradientsReady(gradientEnd())
  }

  package func backwardGrid(
    _ dRows: UnsafePointer<S>, gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    guard !freezing.finalNorm else { return saved = nil }
    guard let saved else { preconditionFailure("backward without forward") }
    try saved.context.arena.scratch { try backwardBody(dRows, saved, gradientsReady) }
    self.saved = nil
    try gradientsReady(gradientEnd())
  }

  /// From the gradient of ln_post's output.
  private func backwardBody(
    _ dNormed: UnsafePointer<S>, _ saved: Saved, _ gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    let context = saved.context
    let (arena, rows, width) = (context.arena, context.rows, config.width)
    let dStream = arena.allocateZeroed(S.self, rows * width)
    postNorm.backward(dNormed, saved.output, into: dStream, arena: arena)
    try transformer.backward(dStream, context, gradientsReady: gradientsReady)
    if !freezing.stem { backwardStem(dStream, saved) }
  }

  private func backwardStem(_ dStream: UnsafePointer<S>, _ saved: Saved) {
    let (layout, arena, rows) = (saved.layout, saved.context.arena, saved.context.rows)
    let width = config.width
    let dAssembled = arena.allocateZeroed(S.self, rows * width)
    preNorm.backward(
      dStream, h: saved.assembled, saved.preNorm, addingTo: dAssembled, rows: rows, arena: arena)
    let dPatches = arena.allocate(S.self, layout.patches.count * width)
    positions.backward(layout, arena) { dPositions in
      assembleTokensBackward(
        dAssembled, source: layout.source, position: layout.position, into: dPatches,
        dToken: classEmbedding.gradient, dPositions: dPositions, columns: width)
    }
    stem.backwardWeight(dPatches, input: saved.patches, rows: layout.patches.count, arena: arena)
  }

  private func passContext(_ layout: PatchLayout, _ arena: Arena) -> PassContext {
    let shape = AttentionShape(rows: layout.rows, width: config.width, heads: config.heads, causal: false)
    return PassContext(attention: shape, offsets: layout.offsets, arena: arena)
  }
}
