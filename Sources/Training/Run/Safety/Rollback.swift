import Basics
import Checkpointing
import Collectives
import Foundation

/// Takes a run that has gone wrong back to its last checkpoint from before the trouble, past the data that it had seen
/// since: what follows the checkpoint is the data that would have followed the trouble.
struct Rollback {
  private let session: RunSession
  /// Rollbacks that have not got past the trouble.
  private var count = 0
  private var furthest = 0

  init(_ session: RunSession) { self.session = session }

  /// Every rank calls it with the same fault.
  ///
  /// - Returns: the checkpoint to go on from; nil for the beginning, and on other ranks than the leader.
  mutating func apply(_ fault: LossWatch.Fault, in stage: StagePlan) throws -> URL? {
    count = fault.first > furthest ? 1 : count + 1
    furthest = max(furthest, fault.last)
    let limit = session.plan.config.safety.maxRollbacks
    guard count <= limit else { throw Self.giveUp(fault, after: limit) }
    let (communicator, failed) = (session.communicator, session.state)
    let origin = try communicator.onLeader { try newest(before: fault.first) }.flatMap { $0 }
    let state = try RunState.shared(from: communicator) {
      try origin.map(RunCheckpoint.state) ?? session.fresh
    }
    let passed = failed.step - max(state.step, stage.firstStep)
    session.state = state
    // A checkpoint of the stage before is its end; this one begins once more.
    if state.step <= stage.firstStep {
      session.skipAtStageStart = failed.skippedBatches + passed
    } else {
      session.state.skippedBatches = failed.skippedBatches + passed
    }
    session.savedStep = state.step
    try session.openRecords()
    session.note(
      incident:
        "\(fault.reason), up to step \(fault.last): going back to step \(state.step) on all ranks, \(passed) batches are left out (\(count) of \(limit) tries)"
    )
    return origin
  }

  /// Checkpoints from after the trouble began are removed: `--resume auto` must not find them.
  private func newest(before step: Int) throws -> URL? {
    try session.checkpoints.removeAll(from: step)
    return try session.checkpoints.newestWhole { url, error in
      session.logger.warning("\(url.lastPathComponent) is damaged and passed over: \(error)")
    }?.url
  }

  private static func giveUp(_ fault: LossWatch.Fault, after limit: Int) -> KelipError {
    var error = KelipError(
      "\(fault.reason); \(limit) rollbacks did not get past it", at: "step \(fault.last)",
      hint: "look at the data of these steps (log.sample_keys), or lower optimizer.lr", exitCode: .fatal)
    error.isAgreed = true
    return error
  }
}
