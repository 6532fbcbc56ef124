import Basics
import Collectives
import Kernels
import Objectives
import Optimization
import Towers

#if canImport(Glibc)
  import Glibc
#endif

/// What one training step did; equal on every rank but for the times.
package struct StepResult: Sendable {
  /// Of the global batch, in nats, before the update.
  package var loss: Double
  /// The factor on cosine similarities that the loss was taken with.
  package var logitScale: Double
  /// The learning rate of this update.
  package var lr: Double
  /// Of all parameters, before clipping.
  package var gradientNorm: Double
  /// False when loss or gradient were not finite, so that every rank left its parameters alone.
  package var updated: Bool
  /// The step less the waits below, on this rank.
  package var computeSeconds: Double
  /// Communication that compute did not hide.
  package var communicationSeconds: Double
}

/// One contrastive step on one rank: forward through both towers, the loss of the global batch, backward with the
/// gradient all-reduce under it, clipping, the update.
package final class TrainStep<S: ComputeScalar> {
  /// Updated in place; equal on every rank after each step.
  package let model: DualEncoder<S>
  /// Its state belongs to the model's arena.
  package let optimizer: Optimizer
  private let communicator: any Communicator
  private let schedule: LearningRateSchedule
  private let gradClipNorm: Double?
  private let maxLogitScale: Double
  private let objective: GlobalContrastive
  private let buckets: GradientBuckets
  private let arena: Arena

  /// - Parameters:
  ///   - gradClipNorm: the largest global norm of the gradient; nil for no limit.
  ///   - maxLogitScale: the largest factor on cosine similarities.
  ///   - bucketBytes: the size of one all-reduce of gradients.
  /// - Throws: when the address space for activations cannot be reserved.
  package init(
    model: DualEncoder<S>, optimizer: Optimizer, schedule: LearningRateSchedule, gradClipNorm: Double?,
    maxLogitScale: Double,
    objective: GlobalContrastive, bucketBytes: Int, communicator: any Communicator
  ) throws {
    (self.model, self.optimizer, self.communicator) = (model, optimizer, communicator)
    (self.schedule, self.gradClipNorm, self.maxLogitScale) = (schedule, gradClipNorm, maxLogitScale)
    self.objective = objective
    buckets = GradientBuckets(
      gradients: model.parameters.gradients, communicator: communicator, bucketBytes: bucketBytes)
    arena = try Arena()
  }

  /// Bytes of activations at their largest.
  package var peakActivationBytes: Int { arena.peakBytes }

  /// - Parameters:
  ///   - images: [b, 3, S, S], normalised: this rank's slice of the global batch.
  ///   - captions: b packed captions.
  ///   - index: the update's number, counted from 0.
  package func run(images: UnsafePointer<Float>, captions: PackedCaptions, index: Int) throws -> StepResult {
    let start = monotonicSeconds()
    model.parameters.zeroGradients()
    model.refresh()
    let logitScale = model.logitScale.value.pointee
    var waited = 0.0
    let loss = try arena.scratch {
      let (result, dImages, dTexts) = try lossAndFeatureGradients(images, captions, logitScale)
      waited += result.communicationSeconds
      model.logitScale.gradient.pointee += Float(result.dLogitScale)
      try buckets.markReady(upTo: model.logitScale.end)
      try model.backwardTexts(dTexts) { try buckets.markReady(upTo: $0) }
      try model.backwardImages(dImages) { try buckets.markReady(upTo: $0) }
      waited += try buckets.finish()
      return result.loss
    }
    let lr = schedule.rate(at: index)
    let norm = GradientClipping.norm(model.parameters.gradients)
    let updated = loss.isFinite && norm.isFinite
    if updated { update(lr: lr, gradientNorm: norm) }
    return StepResult(
      loss: loss, logitScale: exp(Double(logitScale)), lr: lr, gradientNorm: norm, updated: updated,
      computeSeconds: monotonicSeconds() - start - waited, communicationSeconds: waited)
  }

  private func lossAndFeatureGradients(
    _ images: UnsafePointer<Float>, _ captions: PackedCaptions, _ logitScale: Float
  ) throws -> (ContrastiveResult, dImages: UnsafePointer<Float>, dTexts: UnsafePointer<Float>) {
    let (batch, dim) = (captions.count, model.config.embedDim)
    let features = (0..<4).map { _ in arena.allocate(Float.self, batch * dim) }
    model.encodeImages(images, batch: batch, into: features[0], arena: arena)
    model.encodeTexts(captions, into: features[1], arena: arena)
    let result = try objective.lossAndGradients(
      imageFeatures: features[0], textFeatures: features[1], batchSize: batch, embedDim: dim,
      logitScale: logitScale,
      dImageFeatures: features[2], dTextFeatures: features[3], communicator: communicator, arena: arena)
    return (result, UnsafePointer(features[2]), UnsafePointer(features[3]))
  }

  private func update(lr: Double, gradientNorm: Double) {
    optimizer.update(
      lr: lr, gradientScale: GradientClipping.factor(norm: gradientNorm, maxNorm: gradClipNorm))
    // open_clip's clamp: a temperature that falls without end makes the loss blow up.
    let logitScale = model.logitScale.value
    logitScale.pointee = min(max(logitScale.pointee, 0), Float(log(maxLogitScale)))
  }
}
