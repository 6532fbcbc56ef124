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

/// One step on one rank, whatever the objective: loss and gradients of the global batch with their sum over the ranks
/// under backward, clipping, the update.
package final class TrainStep {
  /// Its parameters are updated in place; equal on every rank after each step.
  package let objective: any TrainObjective
  /// Its state belongs to the objective's arena.
  package let optimizer: Optimizer
  private let communicator: any Communicator
  private let schedule: LearningRateSchedule
  private let gradClipNorm: Double?
  private let touched: TouchedRows?
  private let buckets: GradientBuckets
  /// Where each rank updates its share only.
  private let weights: WeightGather?
  private let arena: Arena
  private var statisticsBefore: [Float] = []

  /// - Parameters:
  ///   - optimizer: over all that is trained, or over the share that `ParallelSettings.optimizer` gives this rank.
  ///   - gradClipNorm: the largest global norm of the gradient; nil for no limit.
  ///   - bucketBytes: the size of one exchange of gradients.
  /// - Throws: when the address space for activations cannot be reserved.
  package init(
    objective: any TrainObjective, optimizer: Optimizer, schedule: LearningRateSchedule,
    gradClipNorm: Double?, bucketBytes: Int, communicator: any Communicator,
    style: ExchangeStyle = ExchangeStyle()
  ) throws {
    (self.objective, self.optimizer, self.communicator) = (objective, optimizer, communicator)
    (self.schedule, self.gradClipNorm) = (schedule, gradClipNorm)
    let parameters = objective.parameters
    touched = objective.tableRows.map { TouchedRows($0, communicator: communicator) }
    let isSharded = optimizer.share != nil
    try communicator.share(pages(of: parameters.gradients))
    buckets = try GradientBuckets(
      gradients: parameters.gradients, communicator: communicator, bucketBytes: bucketBytes,
      touched: touched, style: style, isSharded: isSharded)
    if isSharded {
      precondition(optimizer.share == buckets.layout.parts(ofPlace: buckets.place), "another rank's share")
      try communicator.share(pages(of: parameters.values))
    }
    weights =
      isSharded
      ? WeightGather(
        values: parameters.values, layout: buckets.layout, style: style, communicator: communicator) : nil
    arena = try Arena()
    parameters.zeroGradients()
  }

  deinit {
    communicator.unshare(pages(of: objective.parameters.gradients))
    if weights != nil { communicator.unshare(pages(of: objective.parameters.values)) }
  }

  /// Bytes of activations at their largest.
  package var peakActivationBytes: Int { arena.peakBytes }

  /// - Parameters:
  ///   - batch: this rank's slice of the global batch.
  ///   - index: the update's number in its stage, counted from 0.
  package func run(_ batch: TrainBatch, index: Int) throws -> StepResult {
    let start = monotonicSeconds()
    let parameters = objective.parameters
    clearGradients()
    try touched?.begin(batch.captions.ids)
    objective.refresh()
    statisticsBefore.replaceSubrange(0..., with: parameters.statistics)
    var (result, waited) = try arena.scratch {
      let context = ObjectiveContext(arena: arena, communicator: communicator) { [buckets] in
        try buckets.markReady(upTo: $0)
      }
      let result = try objective.accumulate(batch, context)
      return (result, result.communicationSeconds + (try buckets.finish()) + (try shareStatistics()))
    }
    let norm = try gradientNorm(&waited)
    let lr = schedule.rate(at: index)
    let updated = result.loss.isFinite && norm.isFinite
    if updated { waited += try update(lr: lr, gradientNorm: norm) } else { restoreStatistics() }
    return StepResult(
      objective: result, lr: lr, gradientNorm: norm, updated: updated,
      computeSeconds: monotonicSeconds() - start - waited, communicationSeconds: waited)
  }

  /// Backward accumulates, so each step begins with zeros. Of a table only the rows of the last step are others.
  private func clearGradients() {
    let gradients = objective.parameters.gradients
    let span = Phase.zeroGradients.begin()
    defer { span.end() }
    guard let touched else { return clear(gradients) }
    let table = touched.table.range
    clear(UnsafeMutableBufferPointer(rebasing: gradients[..<table.lowerBound]))
    clear(UnsafeMutableBufferPointer(rebasing: gradients[table.upperBound...]))
    touched.clear(gradients)
  }

  private func gradientNorm(_ waited: inout Double) throws -> Double {
    guard communicator.worldSize > 1 else {
      // There is no unit of the table whose start would ask for the rows.
      _ = try touched?.finish()
      return GradientClipping.norm(objective.parameters.gradients)
    }
    let start = monotonicSeconds()
    let span = Phase.gradientNorm.begin()
    defer {
      span.end()
      waited += monotonicSeconds() - start
    }
    return try buckets.sumOfSquares().squareRoot()
  }

  /// - Returns: the seconds of waiting for other ranks' weights.
  private func update(lr: Double, gradientNorm: Double) throws -> Double {
    let scale = GradientClipping.factor(norm: gradientNorm, maxNorm: gradClipNorm)
    defer { objective.constrain() }
    guard let weights else {
      optimizer.update(lr: lr, gradientScale: scale)
      return 0
    }
    optimizer.step += 1
    optimizer.sumRatios(gradientScale: scale)
    var waiting = Stopwatch()
    if !optimizer.ratioSums.isEmpty {
      try waiting.measure { try communicator.allReduceSum(optimizer.ratioSums) }
    }
    for (index, unit) in buckets.layout.units.enumerated() {
      optimizer.update(unit.part(buckets.place), lr: lr, gradientScale: scale)
      try weights.start(index)
    }
    return try weights.finish() + waiting.seconds
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
