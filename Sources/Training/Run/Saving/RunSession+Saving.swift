import Basics
import Checkpointing
import Collectives
import Foundation
import Optimization
import RunService
import Towers

extension CheckpointSaver {
  /// Of one stage of a run.
  convenience init(_ session: RunSession, _ parameters: ParameterArena, _ optimizer: Optimizer) throws {
    let nothing: @Sendable () throws -> Void = {}
    let snapshot = try CheckpointSnapshot(
      parameters, optimizer, model: session.plan.model, session.plan.tokenizer, session.communicator)
    self.init(
      snapshot, session.checkpoints, token: session.token, session.communicator,
      synchronizeRecords: session.records?.synchronize ?? nothing)
  }
}

extension RunSession {
  /// Between tries to save what a run ends with.
  private static var retrySeconds: UInt32 { 5 }

  var isSaveDueByTime: Bool {
    plan.config.checkpoint.everyMinutes.map { monotonicSeconds() - saveTime >= 60 * $0 } ?? false
  }

  /// Starts to save where the run stands, unless that is saved.
  func begin(_ saver: CheckpointSaver) {
    saveTime = monotonicSeconds()
    guard savedStep != state.step else { return }
    savedStep = state.step
    saver.begin(state)
  }

  /// Waits for a save under way: a step whose checkpoint is asked for gets one, however slow the storage is.
  func await(_ saver: CheckpointSaver) throws {
    guard !saver.isIdle else { return }
    let (before, start) = (Activity.enter(.saving), monotonicSeconds())
    defer { Activity.enter(before) }
    if let outcome = try saver.finish() { try note(outcome) }
    let seconds = monotonicSeconds() - start
    guard communicator.isLeader, seconds > 1 else { return }
    logger.warning(
      "waited \(String(format: "%.1f", seconds)) s for the last checkpoint before the next: raise checkpoint.every_steps"
    )
  }

  /// Returns when the run is saved as it stands; tries again while storage fails, until it is given up.
  func saveNow(_ saver: CheckpointSaver) throws {
    let before = Activity.enter(.saving)
    defer { Activity.enter(before) }
    try self.await(saver)
    while savedStep != state.step {
      begin(saver)
      guard let outcome = try saver.finish() else { continue }
      try note(outcome)
      if outcome.failure != nil { sleep(Self.retrySeconds) }
    }
  }

  /// Tells how a save ended. One that failed costs nothing but the way back, so training goes on; storage that fails
  /// again and again ends the run.
  func note(_ outcome: SaveOutcome) throws {
    let name = "checkpoint of step \(outcome.step)"
    display?.status.note(
      CheckpointEvent(
        step: outcome.step, seconds: outcome.seconds, stallSeconds: outcome.stallSeconds,
        failure: outcome.failure))
    guard let failure = outcome.failure else {
      (saveFailures, savedBest) = (0, outcome.best)
      if communicator.isLeader {
        let times = String(
          format: "in %.1f s: %.2f s awaited, %.2f s of a core beside training", outcome.seconds,
          outcome.stallSeconds, outcome.processorSeconds)
        logger.info("\(name) saved \(times)")
        if let warning = outcome.warning { logger.warning("old checkpoints: \(warning)") }
      }
      return
    }
    saveFailures += 1
    if savedStep == outcome.step { savedStep = nil }
    if state.best?.step == outcome.step { state.best = savedBest }
    let limit = plan.config.checkpoint.maxFailures
    guard saveFailures < limit else {
      var error = KelipError(
        "the \(name) could not be saved, the \(saveFailures). in a row: \(failure)", at: checkpoints.url.path,
        hint: "mend the storage and start again: the run goes on from its last checkpoint", exitCode: .fatal)
      error.isAgreed = true
      throw error
    }
    note(
      incident:
        "\(name) could not be saved (\(saveFailures) in a row, the run ends at \(limit)); training goes on: \(failure)",
      level: .error)
  }
}
