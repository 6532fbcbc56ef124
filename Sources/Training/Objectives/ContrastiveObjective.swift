import Basics
import Collectives
import Kernels
import Objectives
import Towers

#if canImport(Glibc)
  import Glibc
#endif

/// The contrastive stage: every crop of a picture against its one caption, over the global batch.
///
/// The loss is the mean over the crops of the symmetric contrastive loss of each against the same texts. The text tower
/// runs once; crops follow one another, so that memory holds the activations of one crop at a time: forward, loss,
/// backward. The last crop waits with its backward for the text's, whose gradients lie first in the arena.
package final class ContrastiveObjective<S: ComputeScalar>: TrainObjective {
  /// How a step is done; the same on every rank.
  package struct Options: Sendable {
    /// Largest factor on cosine similarities.
    package var maxLogitScale = 100.0
    /// Pairs that go through the towers at once; nil for all. Less needs a second forward pass.
    package var microBatchSize: Int?
    /// Batch norms take their statistics over all ranks.
    package var synchronisesBatchNorm = false
    /// Multiplies the gradients, not the loss that is told: the part in a sum of objectives.
    package var weight = 1.0
    /// What the image tower sees of a picture; nil for all of it.
    package var patchDropout: PatchDropout?

    package init(
      maxLogitScale: Double = 100, microBatchSize: Int? = nil, synchronisesBatchNorm: Bool = false,
      weight: Double = 1, patchDropout: PatchDropout? = nil
    ) {
      (self.maxLogitScale, self.microBatchSize) = (maxLogitScale, microBatchSize)
      (self.synchronisesBatchNorm, self.weight) = (synchronisesBatchNorm, weight)
      self.patchDropout = patchDropout
    }

    /// The micro-batches of `count` pairs, as ranges of them.
    func microBatches(_ count: Int) -> [Range<Int>] {
      let size = microBatchSize ?? max(1, count)
      return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    }

    /// How a tower is run under these options.
    func pass(_ mode: PassMode, _ context: ObjectiveContext) -> TowerPass {
      let communicator = context.communicator
      guard synchronisesBatchNorm, communicator.worldSize > 1 else { return TowerPass(mode, context.arena) }
      return TowerPass(mode, context.arena) { try communicator.allReduceSum($0) }
    }
  }

  package let model: DualEncoder<S>
  private let loss: GlobalContrastive
  let options: Options
  private var total = CropLosses()

  package init(model: DualEncoder<S>, loss: GlobalContrastive, options: Options = Options()) {
    (self.model, self.loss, self.options) = (model, loss, options)
  }

  package var parameters: ParameterArena { model.parameters }

  package var tokenTable: Parameter? { model.texts.tokenTable.isTrainable ? model.texts.tokenTable : nil }

  package func refresh() { model.refresh() }

  package func accumulate(_ batch: TrainBatch, _ context: ObjectiveContext) throws -> ObjectiveResult {
    let batch = options.patchDropout?(batch) ?? batch
    let pairs = Pairs(batch, model, context.arena)
    total.begin(logitScale: model.logitScale.value.pointee)
    guard (options.microBatchSize ?? batch.count) < batch.count else { return try onePass(pairs, context) }
    return try twoPasses(pairs, microBatches: options.microBatches(batch.count), context)
  }

  /// open_clip's clamp: a temperature that falls without end makes the loss blow up.
  package func constrain() {
    let logitScale = model.logitScale.value
    guard model.logitScale.isTrainable else { return }
    logitScale.pointee = min(max(logitScale.pointee, 0), Float(log(options.maxLogitScale)))
  }

  /// A batch with the features of both sides and their gradients, [b, D] each.
  private struct Pairs {
    let batch: TrainBatch
    let embedDim: Int
    let texts: UnsafeMutablePointer<Float>
    /// Summed over the crops.
    let dTexts: UnsafeMutablePointer<Float>
    /// Of the crop in turn.
    let dCropTexts: UnsafeMutablePointer<Float>
    /// Crop after crop.
    private let allImages: UnsafeMutablePointer<Float>
    private let allDImages: UnsafeMutablePointer<Float>

    init(_ batch: TrainBatch, _ model: DualEncoder<S>, _ arena: Arena) {
      (self.batch, embedDim) = (batch, model.config.embedDim)
      let count = batch.count * embedDim
      (texts, dCropTexts) = (arena.allocate(Float.self, count), arena.allocate(Float.self, count))
      dTexts = arena.allocateZeroed(Float.self, count)
      allImages = arena.allocate(Float.self, count * batch.crops.count)
      allDImages = arena.allocate(Float.self, count * batch.crops.count)
    }

    func images(_ crop: Int) -> UnsafeMutablePointer<Float> { allImages + crop * batch.count * embedDim }
    func dImages(_ crop: Int) -> UnsafeMutablePointer<Float> { allDImages + crop * batch.count * embedDim }
  }

  private func pass(_ mode: PassMode, _ context: ObjectiveContext) -> TowerPass {
    options.pass(mode, context)
  }

  private func onePass(_ pairs: Pairs, _ context: ObjectiveContext) throws -> ObjectiveResult {
    let (arena, crops) = (context.arena, pairs.batch.crops)
    try model.encodeTexts(pairs.batch.captions, into: pairs.texts, pass(.training, context))
    for number in crops.indices.dropLast() {
      try arena.scratch {
        try forward(pairs, number, context)
        try model.backwardImages(pairs.dImages(number)) { _ in }
      }
    }
    try forward(pairs, crops.count - 1, context)
    try finishLogitScale(context)
    try model.backwardTexts(pairs.dTexts, gradientsReady: context.gradientsReady)
    try model.backwardImages(pairs.dImages(crops.count - 1), gradientsReady: context.gradientsReady)
    return total.result
  }

  private func forward(_ pairs: Pairs, _ crop: Int, _ context: ObjectiveContext) throws {
    let images = pairs.batch.crops[crop].images
    try model.encodeImages(images, into: pairs.images(crop), pass(.training, context))
    total.add(try cropLoss(pairs, crop, context), pairs.batch.crops[crop].name)
  }

  /// Features of all micro-batches without activations, one global loss, then each micro-batch forward again and
  /// backward with its part of the features' gradient (Gao et al. 2021, GradCache).
  private func twoPasses(
    _ pairs: Pairs, microBatches: [Range<Int>], _ context: ObjectiveContext
  ) throws -> ObjectiveResult {
    for rows in microBatches { try encodeTexts(pairs, rows, .rehearsal, context) }
    for (number, crop) in pairs.batch.crops.enumerated() {
      for rows in microBatches { try encodeImages(pairs, number, rows, .rehearsal, context) }
      total.add(try cropLoss(pairs, number, context), crop.name)
    }
    try finishLogitScale(context)
    for rows in microBatches {
      let isLast = rows.upperBound == pairs.batch.count
      try context.arena.scratch {
        try encodeTexts(pairs, rows, .training, context)
        try model.backwardTexts(pairs.dTexts + rows.lowerBound * pairs.embedDim) {
          if isLast { try context.gradientsReady($0) }
        }
      }
    }
    for number in pairs.batch.crops.indices {
      for rows in microBatches {
        let isLast = rows.upperBound == pairs.batch.count && number == pairs.batch.crops.count - 1
        try context.arena.scratch {
          try encodeImages(pairs, number, rows, .training, context)
          try model.backwardImages(pairs.dImages(number) + rows.lowerBound * pairs.embedDim) {
            if isLast { try context.gradientsReady($0) }
          }
        }
      }
    }
    return total.result
  }

  private func encodeTexts(
    _ pairs: Pairs, _ rows: Range<Int>, _ mode: PassMode, _ context: ObjectiveContext
  ) throws {
    let target = pairs.texts + rows.lowerBound * pairs.embedDim
    func encode() throws {
      try model.encodeTexts(pairs.batch.captions.slice(rows), into: target, pass(mode, context))
    }
    try mode == .training ? encode() : context.arena.scratch(encode)
  }

  private func encodeImages(
    _ pairs: Pairs, _ crop: Int, _ rows: Range<Int>, _ mode: PassMode, _ context: ObjectiveContext
  ) throws {
    let images = pairs.batch.crops[crop].images.slice(rows)
    let target = pairs.images(crop) + rows.lowerBound * pairs.embedDim
    func encode() throws { try model.encodeImages(images, into: target, pass(mode, context)) }
    try mode == .training ? encode() : context.arena.scratch(encode)
  }

  /// The loss of one crop against the texts; its gradients are weighted as its part of the mean.
  private func cropLoss(
    _ pairs: Pairs, _ crop: Int, _ context: ObjectiveContext
  ) throws -> ContrastiveResult {
    let count = pairs.batch.count * pairs.embedDim
    let result = try loss.lossAndGradients(
      imageFeatures: pairs.images(crop), textFeatures: pairs.texts, batchSize: pairs.batch.count,
      embedDim: pairs.embedDim, logitScale: model.logitScale.value.pointee, precision: S.precision,
      dImageFeatures: pairs.dImages(crop), dTextFeatures: pairs.dCropTexts,
      communicator: context.communicator, arena: context.arena)
    let part = Float(options.weight / Double(pairs.batch.crops.count))
    if part != 1 {
      scale(pairs.dImages(crop), by: part, count: count)
      scale(pairs.dCropTexts, by: part, count: count)
    }
    addInPlace(pairs.dCropTexts, to: pairs.dTexts, count: count)
    return result
  }

  private func finishLogitScale(_ context: ObjectiveContext) throws {
    guard model.logitScale.isTrainable else { return }
    model.logitScale.gradient.pointee += Float(
      options.weight * total.dLogitScale / Double(total.losses.count))
    try context.gradientsReady(model.logitScale.end)
  }
}
