import Basics
import Kernels

/// A vision transformer that learns by reconstructing the patches it does not see (He et al. 2022), as KELIP's first
/// stage: the tower runs on the kept patches only, a decoder gives the masked ones.
///
/// The tower's tensors carry the names they have in a `DualEncoder` (`visual.…`), so that this can start from them; the
/// decoder's are heads, `mae.…`. What a definition does not use (KELIP's the class embedding, He et al.'s
/// `visual.proj`) gets no gradient and stays as it starts.
package final class MaskedAutoencoder<S: ComputeScalar> {
  package let config: ModelConfig
  package let mae: MAEConfig
  package let parameters: ParameterArena
  private let vision: VisionTransformerConfig
  private let encoder: VisionTransformer<S>
  private let decoder: MAEDecoder<S>
  let targets: PatchTargets
  private var saved: (layout: MaskedLayout, arena: Arena)?

  /// Parameters are zero until `parameters.initialise` or a checkpoint fills them.
  ///
  /// - Parameters:
  ///   - mean: of the normalisation of pictures, a channel; the target of pixels needs it.
  ///   - std: likewise.
  /// - Throws: when the model has no patches or the decoder does not fit it.
  package init(
    _ config: ModelConfig, _ mae: MAEConfig, mean: [Float], std: [Float], training: Bool = true,
    freezing: Freezing = .none
  ) throws {
    try config.validate()
    vision = try mae.validated(for: config)
    (self.config, self.mae) = (config, mae)
    let registry = ParameterRegistry()
    encoder = VisionTransformer(
      registry, vision, embedDim: config.embedDim, activation: config.activation, freezing: freezing)
    decoder = registry.heads { [vision] in
      MAEDecoder(
        registry, mae, inputWidth: mae.decoderInput == .projection ? config.embedDim : vision.width,
        patchCount: vision.patchCount, patchSize: vision.patchSize, activation: config.activation)
    }
    targets = PatchTargets(kind: mae.target, mean: mean, std: std, patchSize: vision.patchSize)
    parameters = ParameterArena(registry, withGradients: training)
  }

  /// P, the patches of a picture.
  package var patchCount: Int { vision.patchCount }
  /// K, those that the tower sees.
  package var keptCount: Int { mae.keptCount(of: patchCount) }
  /// M, those that are to be reconstructed.
  package var maskedCount: Int { patchCount - keptCount }

  /// Re-reads the parameters into the compute path's copies; call after every change of them.
  package func refresh(training: Bool = true) {
    encoder.refresh(training: training)
    decoder.refresh(training: training)
  }

  /// One forward and backward pass; gradients accumulate (+=). Returns these pictures' part of the loss, the mean
  /// squared error over the masked patches of the global batch: the parts of micro-batches and ranks sum to the whole,
  /// and so do the gradients.
  ///
  /// - Parameters:
  ///   - images: of the model's size, with `keptPatches`.
  ///   - globalBatchSize: pictures of all ranks together.
  ///   - gradientsReady: the first `end` elements of the gradient arena are complete.
  package func accumulate(
    _ images: ImageBatch, globalBatchSize: Int, arena: Arena, gradientsReady: (_ end: Int) throws -> Void
  ) throws -> Double {
    try arena.scratch {
      let count = globalBatchSize * (patchCount - kept(images).perImage) * targets.columns
      let values = forward(images, TowerPass(.training, arena))
      let rows = saved!.layout.maskedPatches
      let dValues = target(images, rows, arena)
      let sum = squaredError(
        values, target: dValues, into: dValues, count: rows.count * targets.columns, factor: 2 / Float(count))
      if mae.target == .pixels {
        tanhBackward(dValues, y: values, into: dValues, count: rows.count * targets.columns)
      }
      try backward(dValues, gradientsReady)
      return sum / Double(count)
    }
  }

  /// The decoder's values of the masked patches, [B·M, 3·p²], after tanh where there is one. In the pass's arena.
  func forward(_ images: ImageBatch, _ pass: TowerPass) -> UnsafeMutablePointer<Float> {
    precondition(
      images.height == vision.imageSize && images.width == vision.imageSize,
      "the decoder knows pictures of one size")
    let (arena, layout) = (
      pass.arena,
      MaskedLayout(kept: kept(images), patchCount: patchCount, hasClassToken: mae.hasClassToken)
    )
    let rows = encode(images, layout, pass)
    let count = layout.maskedPatches.count * targets.columns
    let values = arena.allocate(Float.self, count)
    decoder.forward(rows, layout, into: values, pass)
    if mae.target == .pixels { tanhForward(values, into: values, count: count) }
    saved = pass.mode == .training ? (layout, arena) : nil
    return values
  }

  /// What the decoder starts from: [B · (class token + K), its input width].
  private func encode(_ images: ImageBatch, _ layout: MaskedLayout, _ pass: TowerPass) -> UnsafePointer<S> {
    guard mae.decoderInput == .projection else {
      return UnsafePointer(encoder.forwardRows(images, hasClassToken: mae.hasClassToken, pass))
    }
    let count = layout.visibleRows * config.embedDim
    let (features, rows) = (pass.arena.allocate(Float.self, count), pass.arena.allocate(S.self, count))
    encoder.forwardProjectedRows(images, hasClassToken: mae.hasClassToken, into: features, pass)
    convert(features, into: rows, count: count)
    return UnsafePointer(rows)
  }

  private func backward(
    _ dValues: UnsafePointer<Float>, _ gradientsReady: (_ end: Int) throws -> Void
  ) throws {
    guard let (layout, arena) = saved else { preconditionFailure("backward without forward") }
    saved = nil
    guard mae.decoderInput == .projection else {
      let dRows = arena.allocate(S.self, layout.visibleRows * vision.width)
      try decoder.backward(dValues, into: dRows, gradientsReady: gradientsReady)
      return try encoder.backwardGrid(dRows, gradientsReady: gradientsReady)
    }
    let count = layout.visibleRows * config.embedDim
    let (dRows, dFeatures) = (arena.allocate(S.self, count), arena.allocate(Float.self, count))
    try decoder.backward(dValues, into: dRows, gradientsReady: gradientsReady)
    widen(dRows, into: dFeatures, count: count)
    try encoder.backward(dFeatures, gradientsReady: gradientsReady)
  }

  func kept(_ images: ImageBatch) -> KeptPatches {
    guard let kept = images.keptPatches else { preconditionFailure("no patches are masked") }
    return kept
  }

  /// What is to be reproduced of the patches `rows` = picture · P + cell: [R, 3·p²], in the arena.
  private func target(_ images: ImageBatch, _ rows: [Int32], _ arena: Arena) -> UnsafeMutablePointer<Float> {
    let target = patches(images, rows, arena)
    targets.apply(to: target, rows: rows.count)
    return target
  }

  func patches(_ images: ImageBatch, _ rows: [Int32], _ arena: Arena) -> UnsafeMutablePointer<Float> {
    let patches = arena.allocate(Float.self, rows.count * targets.columns)
    gatherPatches(
      images.values, index: rows, into: patches, height: images.height, width: images.width,
      patchSize: vision.patchSize)
    return patches
  }
}

extension MaskedAutoencoder {
  /// The decoder's values of the masked patches, [B·M, 3·p²] in (channel, y, x) order, ascending in each picture.
  package func prediction(_ images: ImageBatch, arena: Arena) -> [Float] {
    arena.scratch {
      let count = images.count * (patchCount - kept(images).perImage) * targets.columns
      return Array(UnsafeBufferPointer(start: forward(images, TowerPass(.inference, arena)), count: count))
    }
  }
}
