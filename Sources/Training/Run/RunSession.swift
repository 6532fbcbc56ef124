import Checkpointing
import Collectives
import Logging
import RunService

/// What the stages of a run share: its files, its records and where it stands.
final class RunSession {
  let plan: RunPlan
  let communicator: any Communicator
  let logger: Logger
  let checkpoints: CheckpointDirectory
  /// The leader's alone.
  var records: RunRecords?
  var state: RunState
  /// The step of the last checkpoint.
  var savedStep: Int
  var badSamples = BadSampleTally()

  /// - Parameter state: where the run begins; equal on every rank.
  init(
    _ plan: RunPlan, _ directory: RunDirectory, _ state: RunState, _ communicator: any Communicator,
    _ logger: Logger
  ) throws {
    (self.plan, self.communicator, self.logger, self.state) = (plan, communicator, logger, state)
    checkpoints = CheckpointDirectory(root: directory.root, keepLast: plan.config.keepLast)
    savedStep = state.step
    records = try communicator.agree {
      guard communicator.isLeader else { return nil }
      let records = try RunRecords(directory, plan.config, resumingAt: state.step)
      if state.step == 0 { try records.writeQuarantine(plan.stages.flatMap(\.findings)) }
      return records
    }
  }
}
