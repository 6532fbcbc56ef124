import Basics
import Checkpointing
import Collectives
import Foundation
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
  /// The leader's alone.
  let display: RunDisplay?
  var state: RunState
  /// Nil for a run that is not evaluated.
  let validation: Validation?
  /// The leader's alone.
  let validationFiles: ValidationFiles?
  /// The best step that has a checkpoint.
  var savedBest: BestStep?
  /// Where a run begins that begins anew.
  let fresh: RunState
  /// Batches that the next stage leaves out from its beginning.
  var skipAtStageStart = 0
  private let directory: RunDirectory
  /// Names this process's unfinished checkpoints; equal on every rank.
  let token: String
  /// The step of the last checkpoint that is there or under way; nil when its save failed.
  var savedStep: Int?
  /// Saves that failed, in a row.
  var saveFailures = 0
  /// When the last save began.
  var saveTime = monotonicSeconds()
  var badSamples = BadSampleTally()

  /// - Parameter state: where the run begins; equal on every rank.
  init(
    _ plan: RunPlan, _ directory: RunDirectory, _ state: RunState, fresh: RunState,
    _ communicator: any Communicator, _ logger: Logger
  ) throws {
    (self.plan, self.communicator, self.logger, self.state) = (plan, communicator, logger, state)
    (self.directory, self.fresh) = (directory, fresh)
    checkpoints = CheckpointDirectory(root: directory.root, retention: plan.config.checkpoint.retention)
    (savedStep, savedBest) = (state.step, state.best)
    let validation = try Validation(plan, communicator) {
      if communicator.isLeader { logger.warning("\($0)") }
    }
    self.validation = validation
    validationFiles =
      communicator.isLeader
      ? validation.map {
        ValidationFiles(directory.evaluations, $0.samples) { logger.warning("\($0)") }
      } : nil
    token = "\(try communicator.allGather(Int(getpid()))[0])-\(try communicator.allGather(Int(time(nil)))[0])"
    let hosts = try communicator.allGatherBytes(Array(ProcessInfo.processInfo.hostName.utf8)).map {
      String(decoding: $0, as: UTF8.self)
    }
    display =
      communicator.isLeader ? RunDisplay(plan, directory, hosts: hosts, resumedAt: state.step) : nil
    try openRecords()
    display?.begin(plan.config.log, directory, resumedAt: state.step, logger)
  }

  /// Opens the leader's files where the run stands: lines of later steps are dropped.
  func openRecords() throws {
    // What waits for the disk must not come after what is dropped.
    try? records?.synchronize()
    records = nil
    records = try communicator.agree {
      guard let display else { return nil }
      let records = try RunRecords(directory, plan.config, resumingAt: state.step, display.status) {
        [logger] in logger.warning("\($0)")
      }
      if state.step == 0 { try records.writeQuarantine(plan.stages.flatMap(\.findings)) }
      return records
    }
  }

  /// Tells, once and everywhere, of something that those who watch should know of.
  func note(incident text: String, level: IncidentLevel = .warning) {
    guard let display else { return }
    logger.log(level: level == .error ? .error : .warning, "\(text)")
    display.status.note(incident: text, step: state.step, level: level)
  }

  /// The first step of a stage is next, from the weights of the one before.
  func beginStage() {
    state.updates = 0
    state.lossWatch = LossWatch()
    state.skippedBatches = skipAtStageStart
    skipAtStageStart = 0
  }
}
