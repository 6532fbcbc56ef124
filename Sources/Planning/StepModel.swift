import Basics
import Foundation

/// What a step on one rank costs, as a function of the rank's batch b and the global batch B.
///
/// Measured at two batches in the same world: each stretch of compute, each collective's bytes and the memory of
/// activations are taken as linear in b. What grows with B is the loss, its compute as (p + q·b)·B (the world's features
/// are laid out once, whatever b, then multiplied), its memory as B; and the rows of a table that are touched: where a
/// rank's batch leaves the part u of them alone, N ranks leave u^N, as if their rows were drawn apart. Batches share their
/// frequent words, so that this is the most that can travel.
package struct StepModel: Sendable, Equatable {
  package struct Sample: Sendable, Equatable {
    /// Of the rank.
    package var batchSize: Int
    package var trace: StepTrace
    /// The most that activations took.
    package var activationBytes: Double

    package init(batchSize: Int, trace: StepTrace, activationBytes: Double) {
      (self.batchSize, self.trace, self.activationBytes) = (batchSize, trace, activationBytes)
    }
  }

  /// What the contrastive loss adds for a larger global batch.
  package struct LossGrowth: Sendable, Equatable {
    /// p: for each pair of the world.
    package var secondsPerPair: Double
    /// q: for each pair of this rank and each of the world.
    package var secondsPerPairOfPairs: Double
    /// For each pair of the world.
    package var bytesPerPair: Double

    package static let none = LossGrowth(secondsPerPair: 0, secondsPerPairOfPairs: 0, bytesPerPair: 0)

    package init(secondsPerPair: Double, secondsPerPairOfPairs: Double, bytesPerPair: Double) {
      (self.secondsPerPair, self.secondsPerPairOfPairs) = (secondsPerPair, secondsPerPairOfPairs)
      self.bytesPerPair = bytesPerPair
    }
  }

  /// One or two, at different batches, in a world of `worldSize`.
  package var samples: [Sample]
  /// The world that the samples were recorded for.
  package var worldSize: Int
  package var loss: LossGrowth
  /// Whether each rank updates its own part of the weights only: what lies before the gathers of weights is the update,
  /// which N ranks share.
  package var isSharded: Bool

  /// - Throws: when the steps do different things at different batches.
  package init(_ samples: [Sample], worldSize: Int, loss: LossGrowth, isSharded: Bool = false) throws {
    precondition((1...2).contains(samples.count))
    let (first, last) = (samples[0], samples[samples.count - 1])
    precondition(samples.count == 1 || first.batchSize != last.batchSize)
    guard first.trace.hasSameShape(as: last.trace) else {
      throw KelipError(
        "steps of \(first.batchSize) and \(last.batchSize) pairs differ in their collectives",
        at: "--measure-batch", hint: "give another batch to measure")
    }
    (self.samples, self.worldSize, self.loss, self.isSharded) = (samples, worldSize, loss, isSharded)
  }

  /// The step of a rank with `batchSize` pairs, which may lie between whole ones, in a world of `worldSize`.
  package func trace(batchSize: Double, worldSize: Int) -> StepTrace {
    let first = samples[0].trace
    let events = first.events.indices.map { index in
      let action = first.events[index].action
      let bytes = bytes(index, batchSize: batchSize, worldSize: worldSize)
      let seconds = linear(batchSize) { $0.trace.events[index].computeSeconds }
      let share = isSharded && action.isWeightGather ? Double(self.worldSize) / Double(worldSize) : 1
      return StepTrace.Event(seconds * share, action.with(bytes: bytes))
    }
    let trace = StepTrace(events: events, tailSeconds: linear(batchSize, \.trace.tailSeconds))
    let pairs = batchSize * Double(worldSize - self.worldSize)
    return trace.adding(lossSeconds: (loss.secondsPerPair + loss.secondsPerPairOfPairs * batchSize) * pairs)
  }

  private func bytes(_ index: Int, batchSize: Double, worldSize: Int) -> Double {
    let bytes = linear(batchSize) { $0.trace.events[index].action.collective?.bytes ?? 0 }
    guard let table = samples[0].trace.events[index].action.collective?.tableBytes, table > 0 else {
      return bytes
    }
    let touched = 1 - pow(1 - min(1, bytes / table), Double(worldSize))
    return table * (touched > 0.5 ? 1 : touched)
  }

  /// Activations at their most.
  package func activationBytes(batchSize: Double, worldSize: Int) -> Double {
    linear(batchSize, \.activationBytes)
      + loss.bytesPerPair * batchSize * Double(worldSize - self.worldSize)
  }

  /// Every stretch of compute times `factor`.
  package func scaled(by factor: Double) -> StepModel {
    var copy = self
    for index in copy.samples.indices { copy.samples[index].trace = samples[index].trace.scaled(by: factor) }
    copy.loss.secondsPerPair *= factor
    copy.loss.secondsPerPairOfPairs *= factor
    return copy
  }

  /// Through the samples; nothing is negative. A single sample stands for every batch in proportion.
  private func linear(_ batchSize: Double, _ value: (Sample) -> Double) -> Double {
    let (first, last) = (samples[0], samples[samples.count - 1])
    guard samples.count > 1 else { return value(first) * batchSize / Double(first.batchSize) }
    let slope = (value(last) - value(first)) / Double(last.batchSize - first.batchSize)
    return max(0, value(last) + slope * (batchSize - Double(last.batchSize)))
  }
}

extension StepTrace.Action {
  /// A part of the weights on its way to the ranks that did not update it.
  fileprivate var isWeightGather: Bool {
    if case .start(let collective) = self {
      collective.kind == .partGather && !collective.isPerRank
    } else {
      false
    }
  }
}
