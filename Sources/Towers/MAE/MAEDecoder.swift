import Kernels

/// A masked autoencoder's decoder (He et al. 2022; KELIP): the rows of what the tower saw and a learned mask embedding
/// for the rest, in their order, with learned positions; a transformer; a norm and a linear layer to 3·p² values of each
/// masked patch.
///
/// Names are KELIP's after its `decoder.`, under `mae.`; `mae.embed` is He et al.'s `decoder_embed`. Everything is a
/// head of its stage: it goes with it.
final class MAEDecoder<S: ComputeScalar> {
  private struct Saved {
    var context: PassContext
    var layout: MaskedLayout
    /// What the tower gave, before `embed`.
    var input: UnsafePointer<S>
    var pooled: UnsafeMutablePointer<S>
    var norm: LayerNorm<S>.Saved
  }

  private let config: MAEConfig
  private let embed: Linear<S>?
  private let maskEmbedding: Parameter
  private let positions: Parameter
  private let transformer: Transformer<S>
  private let finalNorm: LayerNorm<S>
  private let predictor: Linear<S>
  private let gradientEnd: () -> Int
  private var saved: Saved?

  /// - Parameters:
  ///   - inputWidth: of the tower's rows.
  ///   - patchCount: P.
  init(
    _ registry: ParameterRegistry, _ config: MAEConfig, inputWidth: Int, patchCount: Int, patchSize: Int,
    mlpRatio: Double = 4, activation: Activation
  ) {
    self.config = config
    let (width, start) = (config.decoderWidth, registry.count)
    embed =
      config.decoderInput == .projection
      ? nil
      : Linear(
        registry, name: "mae.embed", inputs: inputWidth, outputs: width,
        std: 1 / Float(inputWidth).squareRoot())
    maskEmbedding = registry.add("mae.mask_embedding", [width], decays: false, .normal(std: 0.02))
    positions = registry.add(
      "mae.positional_embedding", [patchCount + (config.hasClassToken ? 1 : 0), width], decays: false,
      .normal(std: 0.01))
    transformer = Transformer(
      registry, name: "mae", width: width, layers: config.decoderLayers, mlpRatio: mlpRatio,
      activation: activation)
    finalNorm = LayerNorm(registry, name: "mae.ln_final", width: width)
    predictor = Linear(
      registry, name: "mae.pixel_predictor", inputs: width, outputs: 3 * patchSize * patchSize,
      std: 1 / Float(width).squareRoot())
    gradientEnd = registry.gradientEnd(since: start)
  }

  func refresh(training: Bool) {
    embed?.refresh(training: training)
    transformer.refresh(training: training)
    predictor.refresh(training: training)
  }

  /// rows[B · (class token + K), inputWidth] of the tower → `values`[B·M, 3·p²] of the masked patches, before a tanh.
  func forward(
    _ rows: UnsafePointer<S>, _ layout: MaskedLayout, into values: UnsafeMutablePointer<Float>,
    _ pass: TowerPass
  ) {
    let (arena, width) = (pass.arena, config.decoderWidth)
    let visible =
      embed.map { UnsafePointer($0.forward(rows, rows: layout.visibleRows, arena: arena)) } ?? rows
    let x = arena.allocate(S.self, layout.rows * width)
    assembleTokensForward(
      visible, token: maskEmbedding.value, positions: positions.value, source: layout.source,
      position: layout.position, into: x, columns: width)
    let context = PassContext(
      attention: AttentionShape(
        rows: layout.rows, width: width, heads: config.decoderHeads, causal: config.isCausal),
      offsets: layout.offsets, arena: arena)
    let stream = transformer.forward(x, context, leaving: layout.maskedRows, training: pass.isTraining)
    let count = layout.maskedRows.count
    let (h, normed, norm) = finalNorm.forward(stream.h, residual: stream.r, rows: count, arena: arena)
    predictor.forwardToFloat(normed, into: values, rows: count)
    saved =
      pass.isTraining
      ? Saved(context: context, layout: layout, input: rows, pooled: h, norm: norm) : nil
  }

  /// From dValues[B·M, 3·p²] → `dRows` of the tower's rows; gradients accumulate (+=).
  func backward(
    _ dValues: UnsafePointer<Float>, into dRows: UnsafeMutablePointer<S>,
    gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    guard let saved else { preconditionFailure("backward without forward") }
    let (context, layout) = (saved.context, saved.layout)
    let (arena, width) = (context.arena, config.decoderWidth)
    try arena.scratch {
      let dStream = arena.allocateZeroed(S.self, layout.rows * width)
      backwardPrediction(dValues, saved, into: dStream)
      try transformer.backward(dStream, context, gradientsReady: gradientsReady)
      let dVisible = embed == nil ? dRows : arena.allocate(S.self, layout.visibleRows * width)
      assembleTokensBackward(
        dStream, source: layout.source, position: layout.position, into: dVisible,
        dToken: maskEmbedding.gradient, dPositions: positions.gradient, columns: width)
      embed?.backward(dVisible, input: saved.input, into: dRows, rows: layout.visibleRows, arena: arena)
    }
    self.saved = nil
    try gradientsReady(gradientEnd())
  }

  private func backwardPrediction(
    _ dValues: UnsafePointer<Float>, _ saved: Saved, into dStream: UnsafeMutablePointer<S>
  ) {
    let (arena, width, rows) = (saved.context.arena, config.decoderWidth, saved.layout.maskedRows)
    arena.scratch {
      let dOutput = arena.allocate(S.self, rows.count * predictor.outputs)
      convert(dValues, into: dOutput, count: rows.count * predictor.outputs)
      let dNormed = predictor.backward(dOutput, input: saved.norm.output, rows: rows.count, arena: arena)
      let dPooled = arena.allocateZeroed(S.self, rows.count * width)
      finalNorm.backward(
        dNormed, h: saved.pooled, saved.norm, addingTo: dPooled, rows: rows.count, arena: arena)
      scatterRows(dPooled, index: rows, into: dStream, columns: width)
    }
  }
}
