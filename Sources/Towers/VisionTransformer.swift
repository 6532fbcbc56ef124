import Kernels

/// CLIP's vision transformer (Dosovitskiy et al. 2021; Radford et al. 2021): B images [3, S, S] → features[B, D].
///
/// Patches through a bias-free convolution, a class token, learned positions, ln_pre, L blocks, ln_post of the class
/// token, a projection. Weight names are OpenAI CLIP's, under `visual.`.
package final class VisionTransformer<S: ComputeScalar> {
  private struct Saved {
    var context: PassContext
    var batch: Int
    /// B·P × 3p².
    var patches: UnsafeMutablePointer<S>
    var assembled: UnsafeMutablePointer<S>
    var preNorm: LayerNorm<S>.Saved
    var pooled: UnsafeMutablePointer<S>
    var postNorm: LayerNorm<S>.Saved
    var classRows: [Int32]
  }

  private let config: VisionConfig
  private let embedDim: Int
  private let stem: Linear<S>
  private let classEmbedding: Parameter
  private let positions: Parameter
  private let preNorm: LayerNorm<S>
  private let transformer: Transformer<S>
  private let postNorm: LayerNorm<S>
  private let projection: FeatureProjection<S>
  private var saved: Saved?

  init(_ registry: ParameterRegistry, _ config: VisionConfig, embedDim: Int, activation: Activation) {
    (self.config, self.embedDim) = (config, embedDim)
    let (width, patch) = (config.width, config.patchSize)
    let scale = 1 / Float(width).squareRoot()
    classEmbedding = registry.add("visual.class_embedding", [width], decays: false, .normal(std: scale))
    positions = registry.add(
      "visual.positional_embedding", [config.tokenCount, width], decays: false, .normal(std: scale))
    // torch.nn.Conv2d's default: uniform in ±1/√fan_in.
    let fanIn = 3 * patch * patch
    stem = Linear(
      registry, weight: "visual.conv1.weight", bias: nil, shape: [width, 3, patch, patch], inputs: fanIn,
      outputs: width, .uniform(bound: 1 / Float(fanIn).squareRoot()))
    preNorm = LayerNorm(registry, name: "visual.ln_pre", width: width)
    transformer = Transformer(
      registry, name: "visual.transformer", width: width, layers: config.layers, mlpRatio: config.mlpRatio,
      activation: activation)
    postNorm = LayerNorm(registry, name: "visual.ln_post", width: width)
    projection = FeatureProjection(registry, name: "visual.proj", width: width, embedDim: embedDim)
  }

  func refresh(training: Bool) {
    stem.refresh(training: training)
    transformer.refresh(training: training)
    projection.refresh(training: training)
  }

  /// images[B, 3, S, S], normalised → `features`[B, D], not normalised.
  func forward(
    _ images: UnsafePointer<Float>, batch: Int, into features: UnsafeMutablePointer<Float>, arena: Arena,
    training: Bool
  ) {
    let context = passContext(batch, arena)
    let (rows, width) = (context.rows, config.width)
    let patches = arena.allocate(S.self, batch * config.patchCount * 3 * config.patchSize * config.patchSize)
    patchify(images, into: patches, batch: batch, imageSize: config.imageSize, patchSize: config.patchSize)
    let embedded = stem.forward(patches, rows: batch * config.patchCount, arena: arena)
    let assembled = arena.allocate(S.self, rows * width)
    assemblePatchesForward(
      embedded, classEmbedding: classEmbedding.value, positions: positions.value, into: assembled,
      batch: batch,
      patchCount: config.patchCount, columns: width)
    let (_, x, savedPre) = preNorm.forward(assembled, residual: nil, rows: rows, arena: arena)
    let stream = transformer.forward(x, context, training: training)
    let classRows = (0..<batch).map { Int32($0 * config.tokenCount) }
    let (pooled, residual) = (arena.allocate(S.self, batch * width), arena.allocate(S.self, batch * width))
    gatherRows(stream.h, index: classRows, into: pooled, columns: width)
    gatherRows(stream.r!, index: classRows, into: residual, columns: width)
    let (h, normed, savedPost) = postNorm.forward(pooled, residual: residual, rows: batch, arena: arena)
    projection.forward(normed, into: features, rows: batch)
    // Without `training` the blocks' memory has been reused: a backward must trap, not go on.
    guard training else {
      saved = nil
      return
    }
    saved = Saved(
      context: context, batch: batch, patches: patches, assembled: assembled, preNorm: savedPre, pooled: h,
      postNorm: savedPost, classRows: classRows)
  }

  /// From dFeatures[B, D]; accumulates every parameter's gradient.
  func backward(_ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void) rethrows {
    guard let saved else { preconditionFailure("backward without forward") }
    let context = saved.context
    let (arena, rows, width) = (context.arena, context.rows, config.width)
    try arena.scratch {
      let dStream = arena.allocateZeroed(S.self, rows * width)
      backwardPooling(dFeatures, saved, into: dStream)
      try transformer.backward(dStream, context, gradientsReady: gradientsReady)
      let dAssembled = arena.allocateZeroed(S.self, rows * width)
      preNorm.backward(dStream, h: saved.assembled, saved.preNorm, addingTo: dAssembled, rows: rows)
      let dPatches = arena.allocate(S.self, saved.batch * config.patchCount * width)
      assemblePatchesBackward(
        dAssembled, into: dPatches, dClass: classEmbedding.gradient, dPositions: positions.gradient,
        batch: saved.batch, patchCount: config.patchCount, columns: width)
      stem.backwardWeight(dPatches, input: saved.patches, rows: saved.batch * config.patchCount, arena: arena)
    }
    self.saved = nil
    try gradientsReady(classEmbedding.end)
  }

  private func backwardPooling(
    _ dFeatures: UnsafePointer<Float>, _ saved: Saved, into dStream: UnsafeMutablePointer<S>
  ) {
    let arena = saved.context.arena
    arena.scratch {
      let dNormed = projection.backward(
        dFeatures, input: saved.postNorm.output, rows: saved.batch, arena: arena)
      let dPooled = arena.allocateZeroed(S.self, saved.batch * config.width)
      postNorm.backward(dNormed, h: saved.pooled, saved.postNorm, addingTo: dPooled, rows: saved.batch)
      scatterRows(dPooled, index: saved.classRows, into: dStream, columns: config.width)
    }
  }

  private func passContext(_ batch: Int, _ arena: Arena) -> PassContext {
    let offsets = (0...batch).map { Int32($0 * config.tokenCount) }
    let shape = AttentionShape(
      rows: batch * config.tokenCount, width: config.width, heads: config.heads, causal: false)
    return PassContext(attention: shape, offsets: offsets, arena: arena)
  }
}
