import Basics
import Checkpointing
import Collectives
import Foundation
import Kernels
import Logging
import Optimization
import Towers

/// Runs the stages of one rank, from where the run starts to the end of the last; each starts from the tower that the
/// one before it has trained.
struct StageSequence<S: ComputeScalar> {
  private let session: RunSession
  private let start: RunStart
  private let wrap: (any TrainObjective) -> any TrainObjective

  /// Every rank calls it. The checkpoint is read by the leader, and by the first stage for all.
  init(
    _ plan: RunPlan, _ start: RunStart, _ communicator: any Communicator, _ logger: Logger,
    wrap: @escaping (any TrainObjective) -> any TrainObjective
  ) throws {
    (self.start, self.wrap) = (start, wrap)
    let fresh = RunState(
      step: 0, updates: 0, samplesSeen: 0, worldSize: communicator.worldSize, shards: plan.shardsDigest)
    var state = try RunState.shared(from: communicator) {
      try start.checkpoint.map(RunCheckpoint.state) ?? fresh
    }
    state.shards = fresh.shards
    session = try RunSession(plan, start.directory, state, fresh: fresh, communicator, logger)
  }

  /// Through rollbacks to the end, or to a stop signal.
  func run() throws -> ExitCode {
    var rollback = Rollback(session)
    var origin = start.checkpoint
    while true {
      do {
        let code = try runStages(from: origin)
        session.validationFiles?.finish()
        session.display?.end(code == .done ? "done" : "stopped on a signal")
        return code
      } catch let fault as LossWatch.Fault {
        let stage = session.plan.stages[session.plan.stageIndex(after: session.state.step)]
        origin = try rollback.apply(fault, in: stage)
      }
    }
  }

  /// - Parameter origin: the checkpoint of `session.state`; the leader's counts.
  private func runStages(from origin: URL?) throws -> ExitCode {
    let plan = session.plan
    var previous: (any TrainObjective)?
    for index in plan.stageIndex(after: session.state.step)..<plan.stages.count {
      let stage = plan.stages[index]
      let isResuming = previous == nil && session.state.step > 0
      let (objective, optimizer) = try prepare(
        stage, from: previous, origin: isResuming ? .some(origin) : nil)
      // Its memory is not kept beside the next stage's.
      previous = nil
      report(stage, objective.parameters, origin: isResuming ? origin : nil)
      let loop = try TrainLoop(session, stage, objective, optimizer)
      guard try loop.run() == .done else { return .requeue }
      previous = objective
    }
    session.logger.info("done: \(session.state.step) steps, \(session.state.samplesSeen) pairs seen")
    return .done
  }

  private func prepare(
    _ stage: StagePlan, from previous: (any TrainObjective)?, origin: URL??
  ) throws -> (any TrainObjective, Optimizer) {
    let communicator = session.communicator
    let (objective, optimizer) = try communicator.agree {
      let plan = session.plan
      let objective = wrap(
        try stage.settings.kind.makeObjective(
          plan.config, plan.model, tokenizer: { plan.tokenizer }, as: S.self))
      return (
        objective, plan.config.parallel.optimizer(for: objective, stage.settings.optimizer, communicator)
      )
    }
    if let origin {
      try RunCheckpoint.load(origin, into: objective.parameters, optimizer, communicator)
    } else {
      try communicator.agree {
        try StartWeights(config: session.plan.config, previous: previous?.parameters)
          .fill(objective.parameters) { if communicator.isLeader { session.logger.info("\($0)") } }
      }
      session.beginStage()
    }
    return (objective, optimizer)
  }

  private func report(_ stage: StagePlan, _ parameters: ParameterArena, origin: URL?) {
    let from = origin.map { "resuming from \($0.lastPathComponent)" }
    let name = session.plan.stages.count > 1 ? " stage \(stage.settings.kind.rawValue)" : ""
    let trained =
      parameters.trainedParameterCount == parameters.parameterCount
      ? "" : ", \(parameters.trainedParameterCount) of them trained"
    session.logger.info(
      "\(from ?? "starting")\(name) on \(session.communicator.worldSize) ranks, \(stage.settings.globalBatchSize) pairs a step, \(parameters.parameterCount) parameters\(trained)"
    )
  }
}
