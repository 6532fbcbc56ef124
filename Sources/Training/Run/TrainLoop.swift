import Basics
import Collectives
import Foundation
import Optimization
import RunService
import ShardStream
import Towers

/// Runs the steps of one stage on one rank.
final class TrainLoop {
  private let session: RunSession
  private let stage: StagePlan
  private let step: TrainStep
  private let loader: Loader
  /// Steps in a row that were not applied because loss or gradient were not finite.
  private var skippedUpdates = 0

  /// - Parameters:
  ///   - objective: its parameters are filled.
  ///   - optimizer: its state stands where the run does.
  init(
    _ session: RunSession, _ stage: StagePlan, _ objective: any TrainObjective, _ optimizer: Optimizer
  ) throws {
    (self.session, self.stage) = (session, stage)
    let communicator = session.communicator
    step = try TrainStep(
      objective: objective, optimizer: optimizer,
      schedule: stage.settings.schedule.schedule(stepsPerEpoch: stage.order.stepsPerEpoch),
      gradClipNorm: stage.settings.gradClipNorm, bucketBytes: session.plan.config.parallel.bucketBytes,
      communicator: communicator, style: session.plan.config.parallel.style)
    let (logger, firstStep) = (session.logger, session.state.step - stage.firstStep)
    loader = try communicator.agree {
      try session.plan.loader(stage, communicator, startStep: firstStep) { logger.warning("\($0)") }
    }
  }

  private var communicator: any Communicator { session.communicator }
  private var config: TrainConfig { session.plan.config }

  /// The steps that are left; the exit code says whether the stage is done or the run wants to be requeued.
  func run() throws -> ExitCode {
    defer { loader.stop() }
    while session.state.step < stage.endStep {
      let isStopping = try runStep()
      let number = session.state.step
      try watchBadSamples()
      if number == stage.endStep || isStopping || number.isMultiple(of: config.checkpointEverySteps) {
        try save()
      }
      if isStopping && number < session.plan.steps {
        session.logger.info("stopped at step \(number) on a signal; resume with --resume auto")
        return .requeue
      }
    }
    return .done
  }

  /// One step; true when some rank was asked to stop.
  private func runStep() throws -> Bool {
    let start = monotonicSeconds()
    let batch = try loader.next()
    defer { batch.release() }
    let index = session.state.step - stage.firstStep
    let result = try step.run(trainBatch(batch, index), index: index)
    let reports = try communicator.allGather(
      RankReport(
        dataSeconds: batch.waitSeconds, computeSeconds: result.computeSeconds,
        communicationSeconds: result.communicationSeconds, skippedCount: batch.skipped.count,
        wantsStop: StopSignal.isRequested))
    session.state.step += 1
    session.state.updates = step.optimizer.step
    session.state.samplesSeen += stage.settings.globalBatchSize
    try record(batch, result, reports, stepSeconds: monotonicSeconds() - start)
    try watchUpdates(result)
    return reports.contains(where: \.wantsStop)
  }

  private func trainBatch(_ batch: Batch, _ index: Int) -> TrainBatch {
    let crops = stage.cropGroups(step: index).flatMap { group in
      group.crops.map { crop in
        let values = UnsafePointer(batch.images(crop: crop).baseAddress!)
        return TrainBatch.Crop(
          name: group.name, images: ImageBatch(values, count: batch.count, size: group.size))
      }
    }
    return TrainBatch(
      crops: crops,
      captions: PackedCaptions(ids: batch.tokens, offsets: batch.offsets), step: index,
      firstSlot: communicator.rank * batch.count)
  }

  private func record(
    _ batch: Batch, _ result: StepResult, _ reports: [RankReport], stepSeconds: Double
  ) throws {
    let (number, records) = (session.state.step, session.records)
    if config.sampleKeys {
      let keys = try communicator.allGatherBytes(Array(JSONEncoder().encode(batch.keys)))
      try records?.writeKeys(
        step: number, keys.flatMap { try JSONDecoder().decode([String].self, from: Data($0)) })
    }
    var bad: [BadSample] = []
    if reports.contains(where: { $0.skippedCount > 0 }) {
      let mine = try BadSample.encode(batch.skipped.map { BadSample($0, step: number) })
      bad = try communicator.allGatherBytes(mine).flatMap(BadSample.decode)
      try records?.writeQuarantine(bad)
    }
    session.badSamples.add(used: stage.settings.globalBatchSize, bad: bad)
    try records?.writeMetrics(
      session.state, stage: stage, epoch: batch.epoch,
      componentEpochs: stage.order.componentEpochs(before: number - stage.firstStep), result, reports,
      stepSeconds: stepSeconds)
  }

  /// Ten updates in a row that could not be applied will not mend themselves. Loss and norm are equal on all ranks, so
  /// all come to the same verdict.
  private func watchUpdates(_ result: StepResult) throws {
    skippedUpdates = result.updated ? 0 : skippedUpdates + 1
    guard !result.updated else { return }
    let number = session.state.step
    if communicator.isLeader {
      session.logger.warning(
        "step \(number): loss \(result.loss), gradient norm \(result.gradientNorm): update skipped on all ranks"
      )
    }
    guard skippedUpdates >= 10 else { return }
    var error = KelipError(
      "loss or gradient were not finite for \(skippedUpdates) steps in a row", at: "step \(number)",
      hint: "resume from an earlier checkpoint with a lower optimizer.lr", exitCode: .fatal)
    error.isAgreed = true
    throw error
  }

  /// The work done so far is saved first: with the shards mended or the limit raised, the run goes on from here.
  private func watchBadSamples() throws {
    guard
      let error = session.badSamples.verdict(
        fraction: config.maxBadFraction, minimum: config.maxBadFractionAfter, step: session.state.step)
    else { return }
    try save()
    throw error
  }

  private func save() throws {
    let number = session.state.step
    guard session.savedStep != number else { return }
    session.savedStep = number
    try RunCheckpoint.save(
      session.state, step.objective.parameters, step.optimizer, model: session.plan.model,
      session.plan.tokenizer, in: session.checkpoints, communicator)
    guard communicator.isLeader else { return }
    session.logger.info("checkpoint of step \(number) saved")
  }
}
