import Basics
import Collectives
import Evaluation
import Kernels
import Objectives
import Tokenization
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
    /// Tokens of captions that go through the text tower at once, whatever `microBatchSize` says of pairs; nil for no
    /// limit. A rank's captions are sorted by length for it.
    package var microBatchTokens: Int?
    /// Batch norms take their statistics over all ranks.
    package var synchronisesBatchNorm = false
    /// Multiplies the gradients, not the loss that is told: the part in a sum of objectives.
    package var weight = 1.0
    /// What the image tower sees of a picture; nil for all of it.
    package var patchDropout: PatchDropout?

    package init(
      maxLogitScale: Double = 100, microBatchSize: Int? = nil, microBatchTokens: Int? = nil,
      synchronisesBatchNorm: Bool = false, weight: Double = 1, patchDropout: PatchDropout? = nil
    ) {
      (self.maxLogitScale, self.microBatchSize) = (maxLogitScale, microBatchSize)
      self.microBatchTokens = microBatchTokens
      (self.synchronisesBatchNorm, self.weight) = (synchronisesBatchNorm, weight)
      self.patchDropout = patchDropout
    }

    /// The micro-batches of `count` pairs, as ranges of them.
    func microBatches(_ count: Int) -> [Range<Int>] {
      let size = microBatchSize ?? max(1, count)
      return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    }

    /// The same of captions: a number that may differ from rank to rank, since nothing is exchanged in between.
    func captionGroups(_ captions: PackedCaptions) -> CaptionGroups {
      guard let microBatchTokens else { return CaptionGroups(captions, ranges: microBatches(captions.count)) }
      return CaptionGroups(captions, tokenBudget: microBatchTokens)
    }

    /// Whether a batch of `count` pairs may take more than one go: equal on every rank.
    func mayDivide(_ count: Int) -> Bool { microBatchTokens != nil || (microBatchSize ?? count) < count }

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

  package func encoder(_ tokenizer: any Tokenizer) throws -> (any FeatureEncoder)? {
    try TowerEncoder(model, tokenizer)
  }

  package func accumulate(_ batch: TrainBatch, _ context: ObjectiveContext) throws -> ObjectiveResult {
    let batch = options.patchDropout?(batch) ?? batch
    let pairs = Pairs(batch, model, context.arena)
    total.begin(logitScale: model.logitScale.value.pointee)
    guard options.mayDivide(batch.count) else { return try onePass(pairs, context) }
    return try twoPasses(
      pairs, options.microBatches(batch.count), options.captionGroups(batch.captions), context)
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
    /// Of the crop in turn, [b].
    let losses: UnsafeMutablePointer<Double>
    /// Crop after crop.
    private let allImages: UnsafeMutablePointer<Float>
    private let allDImages: UnsafeMutablePointer<Float>

    init(_ batch: TrainBatch, _ model: DualEncoder<S>, _ arena: Arena) {
      (self.batch, embedDim) = (batch, model.config.embedDim)
      let count = batch.count * embedDim
      (texts, dCropTexts) = (arena.allocate(Float.self, count), arena.allocate(Float.self, count))
      dTexts = arena.allocateZeroed(Float.self, count)
      losses = arena.allocate(Double.self, batch.count)
      allImages = arena.allocate(Float.self, count * batch.crops.count)
      allDImages = arena.allocate(Float.self, count * batch.crops.count)
    }

    var languageLosses: LanguageLosses {
      var sums = LanguageLosses()
      for (pair, language) in batch.languages.enumerated() { sums.add(losses[pair], language) }
      return sums
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
    try addLoss(pairs, crop, context)
  }

  /// Features of all micro-batches without activations, one global loss, then each micro-batch forward again and
  /// backward with its part of the features' gradient (Gao et al. 2021, GradCache). What is one micro-batch keeps its
  /// activations instead.
  private func twoPasses(
    _ pairs: Pairs, _ imageRanges: [Range<Int>], _ texts: CaptionGroups, _ context: ObjectiveContext
  ) throws -> ObjectiveResult {
    let features = try encodeTexts(pairs, texts, context)
    let crops = pairs.batch.crops
    let keepsImages = imageRanges.count == 1 && crops.count == 1
    for number in crops.indices {
      for rows in imageRanges {
        try encodeImages(pairs, number, rows, keepsImages ? .training : .rehearsal, context)
      }
      try addLoss(pairs, number, context)
    }
    try finishLogitScale(context)
    try backwardTexts(pairs, texts, features, context)
    for number in crops.indices {
      for rows in imageRanges {
        let isLast = rows.upperBound == pairs.batch.count && number == crops.count - 1
        try context.arena.scratch {
          if !keepsImages { try encodeImages(pairs, number, rows, .training, context) }
          try model.backwardImages(pairs.dImages(number) + rows.lowerBound * pairs.embedDim) {
            if isLast { try context.gradientsReady($0) }
          }
        }
      }
    }
    return total.result
  }

  /// The features of all captions; returns where they lie in the groups' order.
  private func encodeTexts(
    _ pairs: Pairs, _ texts: CaptionGroups, _ context: ObjectiveContext
  ) throws -> UnsafeMutablePointer<Float> {
    let features =
      texts.places == nil
      ? pairs.texts : context.arena.allocate(Float.self, texts.captions.count * pairs.embedDim)
    for rows in texts.ranges {
      let target = features + rows.lowerBound * pairs.embedDim
      guard texts.ranges.count > 1 else {
        try model.encodeTexts(texts.captions, into: target, pass(.training, context))
        continue
      }
      try context.arena.scratch {
        try model.encodeTexts(texts.captions.slice(rows), into: target, pass(.rehearsal, context))
      }
    }
    texts.restore(features, to: pairs.texts, columns: pairs.embedDim)
    return features
  }

  /// - Parameter features: as `encodeTexts` left them; written again.
  private func backwardTexts(
    _ pairs: Pairs, _ texts: CaptionGroups, _ features: UnsafeMutablePointer<Float>,
    _ context: ObjectiveContext
  ) throws {
    let dFeatures =
      texts.places == nil
      ? pairs.dTexts
      : context.arena.allocate(
        Float.self, texts.captions.count * pairs.embedDim)
    texts.group(pairs.dTexts, to: dFeatures, columns: pairs.embedDim)
    for rows in texts.ranges {
      let isLast = rows.upperBound == texts.captions.count
      try context.arena.scratch {
        if texts.ranges.count > 1 {
          try model.encodeTexts(
            texts.captions.slice(rows), into: features + rows.lowerBound * pairs.embedDim,
            pass(.training, context))
        }
        try model.backwardTexts(dFeatures + rows.lowerBound * pairs.embedDim) {
          if isLast { try context.gradientsReady($0) }
        }
      }
    }
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
  private func addLoss(_ pairs: Pairs, _ crop: Int, _ context: ObjectiveContext) throws {
    let count = pairs.batch.count * pairs.embedDim
    let result = try loss.lossAndGradients(
      imageFeatures: pairs.images(crop), textFeatures: pairs.texts, batchSize: pairs.batch.count,
      embedDim: pairs.embedDim, logitScale: model.logitScale.value.pointee, precision: S.precision,
      dImageFeatures: pairs.dImages(crop), dTextFeatures: pairs.dCropTexts,
      pairLosses: pairs.losses, communicator: context.communicator, arena: context.arena)
    let part = Float(options.weight / Double(pairs.batch.crops.count))
    if part != 1 {
      scale(pairs.dImages(crop), by: part, count: count)
      scale(pairs.dCropTexts, by: part, count: count)
    }
    addInPlace(pairs.dCropTexts, to: pairs.dTexts, count: count)
    total.add(result, pairs.batch.crops[crop].name, pairs.languageLosses)
  }

  private func finishLogitScale(_ context: ObjectiveContext) throws {
    guard model.logitScale.isTrainable else { return }
    model.logitScale.gradient.pointee += Float(
      options.weight * total.dLogitScale / Double(total.losses.count))
    try context.gradientsReady(model.logitScale.end)
  }
}
