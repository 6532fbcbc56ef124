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
  private let saver: CheckpointSaver

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
    saver = try CheckpointSaver(session, objective.parameters, optimizer)
    let (logger, firstStep) = (session.logger, session.state.step - stage.firstStep)
    let skipped = session.state.skippedBatches
    loader = try communicator.agree {
      try session.plan.loader(stage, communicator, startStep: firstStep, skipped: skipped) {
        logger.warning("\($0)")
      }
    }
  }

  private var communicator: any Communicator { session.communicator }
  private var config: TrainConfig { session.plan.config }

  /// The steps that are left; the exit code says whether the stage is done or the run wants to be requeued.
  func run() throws -> ExitCode {
    defer { loader.stop() }
    do {
      return try runSteps()
    } catch {
      // All ranks leave together: a checkpoint under way gets its end.
      let isCommon = error is LossWatch.Fault || (error as? KelipError)?.isAgreed == true
      if isCommon, let outcome = try saver.finish() { try session.note(outcome) }
      throw error
    }
  }

  private func runSteps() throws -> ExitCode {
    var isTimeToSave = false
    while session.state.step < stage.endStep {
      let reports = try runStep()
      let number = session.state.step
      if let outcome = try saver.advance(reports.map(\.saving)) { try session.note(outcome) }
      try watchBadSamples()
      if number == stage.endStep || reports.contains(where: \.wantsStop) {
        try session.saveNow(saver)
        guard number == session.plan.steps || !reports.contains(where: \.wantsStop) else {
          session.logger.info("stopped at step \(number) on a signal; resume with --resume auto")
          return .requeue
        }
      }
      isTimeToSave = isTimeToSave || reports[0].wantsSave
      let isBest = session.state.best?.step == number
      let isStepToSave = isBest || number.isMultiple(of: config.checkpoint.everySteps)
      if isStepToSave { try session.await(saver) }
      if isStepToSave || isTimeToSave, saver.isIdle {
        session.begin(saver)
        isTimeToSave = false
      }
    }
    return .done
  }

  /// One step; what each rank told of it.
  private func runStep() throws -> [RankReport] {
    let start = monotonicSeconds()
    Activity.enter(.readingData)
    let batch = try loader.next()
    defer { batch.release() }
    Activity.enter(.computing)
    let index = session.state.step - stage.firstStep
    let result = try step.run(trainBatch(batch, index), index: index)
    let reports = try communicator.allGather(
      RankReport(
        dataSeconds: batch.waitSeconds, computeSeconds: result.computeSeconds,
        communicationSeconds: result.communicationSeconds, skippedCount: batch.skipped.count,
        wantsStop: StopSignal.isRequested, wantsSave: session.isSaveDueByTime, saving: saver.progress,
        languages: result.objective.languages))
    session.state.step += 1
    Activity.advance(step: session.state.step)
    session.state.updates = step.optimizer.step
    session.state.samplesSeen += stage.settings.globalBatchSize
    let stepSeconds = monotonicSeconds() - start
    let validation = try validateIfDue()
    Activity.enter(.writingRecords)
    try record(batch, result, reports, stepSeconds: stepSeconds, validation)
    try watchLoss(result)
    return reports
  }

  /// What stands in the step's record of it.
  private func validateIfDue() throws -> [(String, JSONText)] {
    let number = session.state.step
    guard let validation = session.validation, validation.isDue(step: number, last: session.plan.steps) else {
      return []
    }
    step.objective.refresh()
    let encoder = try communicator.agree { try step.objective.encoder(session.plan.tokenizer) }
    guard let encoder else { return [] }
    let result = try validation.run(encoder)
    session.validationFiles?.write(result, step: number)
    if config.checkpoint.keepsBest, result.score > session.state.best?.score ?? -1 {
      session.state.best = BestStep(step: number, score: result.score)
    }
    return result.fields
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
      captions: PackedCaptions(ids: batch.tokens, offsets: batch.offsets), languages: batch.languages,
      step: index, firstSlot: communicator.rank * batch.count)
  }

  private func record(
    _ batch: Batch, _ result: StepResult, _ reports: [RankReport], stepSeconds: Double,
    _ validation: [(String, JSONText)]
  ) throws {
    let (number, records) = (session.state.step, session.records)
    if config.log.sampleKeys {
      let keys = try communicator.allGather(coding: batch.keys)
      try records?.writeKeys(step: number, keys.flatMap { $0 })
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
      componentEpochs: stage.order.componentEpochs(
        before: number - stage.firstStep + session.state.skippedBatches), result, reports,
      stepSeconds: stepSeconds, validation)
  }

  /// - Throws: `LossWatch.Fault`, on all ranks, when the run should go back.
  private func watchLoss(_ result: StepResult) throws {
    let number = session.state.step
    if !result.updated {
      session.note(
        incident:
          "step \(number): loss \(result.loss), gradient norm \(result.gradientNorm): update skipped on all ranks"
      )
    }
    let fault = session.state.lossWatch.note(
      step: number, loss: result.loss, updated: result.updated, config.safety)
    if let fault { throw fault }
  }

  /// The work done so far is saved first: with the shards mended or the limit raised, the run goes on from here.
  private func watchBadSamples() throws {
    guard
      let error = session.badSamples.verdict(
        fraction: config.maxBadFraction, minimum: config.maxBadFractionAfter, step: session.state.step)
    else { return }
    try session.saveNow(saver)
    throw error
  }
}
