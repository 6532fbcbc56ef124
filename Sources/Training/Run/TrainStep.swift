import Basics
import Collectives
import Kernels
import Optimization
import Towers

/// What one training step did; equal on every rank but for the times.
package struct StepResult: Sendable {
  /// Of the global batch, before the update.
  package var objective: ObjectiveResult
  /// The learning rate of this update.
  package var lr: Double
  /// Of all that is trained, before clipping.
  package var gradientNorm: Double
  /// False when loss or gradient were not finite, so that every rank left its parameters alone.
  package var updated: Bool
  /// The step less the waits below, on this rank.
  package var computeSeconds: Double
  /// Communication that compute did not hide.
  package var communicationSeconds: Double

  package var loss: Double { objective.loss }
}

/// One step on one rank, whatever the objective: loss and gradients of the global batch with the all-reduce under
/// backward, clipping, the update.
package final class TrainStep {
  /// Its parameters are updated in place; equal on every rank after each step.
  package let objective: any TrainObjective
  /// Its state belongs to the objective's arena.
  package let optimizer: Optimizer
  private let communicator: any Communicator
  private let schedule: LearningRateSchedule
  private let gradClipNorm: Double?
  private let buckets: GradientBuckets
  private let arena: Arena
  private var statisticsBefore: [Float] = []

  /// - Parameters:
  ///   - gradClipNorm: the largest global norm of the gradient; nil for no limit.
  ///   - bucketBytes: the size of one all-reduce of gradients.
  /// - Throws: when the address space for activations cannot be reserved.
  package init(
    objective: any TrainObjective, optimizer: Optimizer, schedule: LearningRateSchedule,
    gradClipNorm: Double?,
    bucketBytes: Int, communicator: any Communicator
  ) throws {
    (self.objective, self.optimizer, self.communicator) = (objective, optimizer, communicator)
    (self.schedule, self.gradClipNorm) = (schedule, gradClipNorm)
    buckets = GradientBuckets(
      gradients: objective.parameters.gradients, communicator: communicator, bucketBytes: bucketBytes)
    arena = try Arena()
  }

  /// Bytes of activations at their largest.
  package var peakActivationBytes: Int { arena.peakBytes }

  /// - Parameters:
  ///   - batch: this rank's slice of the global batch.
  ///   - index: the update's number in its stage, counted from 0.
  package func run(_ batch: TrainBatch, index: Int) throws -> StepResult {
    let start = monotonicSeconds()
    let parameters = objective.parameters
    parameters.zeroGradients()
    objective.refresh()
    statisticsBefore.replaceSubrange(0..., with: parameters.statistics)
    let (result, waited) = try arena.scratch {
      let context = ObjectiveContext(arena: arena, communicator: communicator) { [buckets] in
        try buckets.markReady(upTo: $0)
      }
      let result = try objective.accumulate(batch, context)
      return (result, result.communicationSeconds + (try buckets.finish()) + (try shareStatistics()))
    }
    let lr = schedule.rate(at: index)
    let norm = GradientClipping.norm(parameters.gradients)
    let updated = result.loss.isFinite && norm.isFinite
    if updated { update(lr: lr, gradientNorm: norm) } else { restoreStatistics() }
    return StepResult(
      objective: result, lr: lr, gradientNorm: norm, updated: updated,
      computeSeconds: monotonicSeconds() - start - waited, communicationSeconds: waited)
  }

  private func update(lr: Double, gradientNorm: Double) {
    optimizer.update(
      lr: lr, gradientScale: GradientClipping.factor(norm: gradientNorm, maxNorm: gradClipNorm))
    objective.constrain()
  }

  /// Batch norms' running statistics become the mean over the ranks: the same everywhere, whoever saves them.
  private func shareStatistics() throws -> Double {
    let statistics = objective.parameters.statistics
    guard !statistics.isEmpty, communicator.worldSize > 1 else { return 0 }
    var waiting = Stopwatch()
    try waiting.measure { try communicator.allReduceSum(statistics) }
    scale(statistics.baseAddress!, by: 1 / Float(communicator.worldSize), count: statistics.count)
    return waiting.seconds
  }

  /// A batch that spoils the loss must not stay in the running statistics.
  private func restoreStatistics() {
    _ = objective.parameters.statistics.update(fromContentsOf: statisticsBefore)
  }
}
