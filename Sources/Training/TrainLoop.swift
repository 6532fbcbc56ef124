import Basics
import Checkpointing
import Collectives
import Foundation
import Kernels
import Logging
import Objectives
import Optimization
import RunService
import ShardStream
import Towers

/// Runs the steps of one rank, from where the run starts to its last one.
final class TrainLoop<S: ComputeScalar> {
  private let plan: RunPlan
  private let communicator: any Communicator
  private let logger: Logger
  private let step: TrainStep
  private let loader: Loader
  private let checkpoints: CheckpointDirectory
  private var records: RunRecords?
  private var state: RunState
  private var savedStep: Int
  /// Steps in a row that were not applied because loss or gradient were not finite.
  private var skippedUpdates = 0
  private var badSamples = BadSampleTally()

  init(_ plan: RunPlan, _ start: RunStart, _ communicator: any Communicator, _ logger: Logger) throws {
    (self.plan, self.communicator, self.logger) = (plan, communicator, logger)
    let config = plan.config
    checkpoints = CheckpointDirectory(root: start.directory.root, keepLast: config.keepLast)
    let (model, optimizer) = try communicator.agree {
      let model = try DualEncoder<S>(plan.model)
      return (model, AdamW(model.parameters, settings: config.adamW))
    }
    let fresh = RunState(
      step: 0, updates: 0, samplesSeen: 0, worldSize: communicator.worldSize, shards: plan.catalogue.digest)
    let found = try communicator.onLeader {
      try start.checkpoint.map { try RunCheckpoint.load($0, into: model.parameters, optimizer) } ?? fresh
    }
    state = try Self.share(found ?? fresh, from: communicator, shards: fresh.shards)
    if state.step == 0 {
      try communicator.agree { try Self.initialise(model, config) }
    } else {
      try Self.share(model, optimizer, state, communicator)
    }
    savedStep = state.step
    step = try TrainStep(
      objective: ContrastiveObjective(
        model: model, loss: GlobalContrastive(tileRows: config.tileRows, tileColumns: config.tileColumns),
        options: .init(maxLogitScale: config.maxLogitScale)),
      optimizer: optimizer, schedule: config.schedule, gradClipNorm: config.gradClipNorm,
      bucketBytes: config.bucketBytes, communicator: communicator)
    let firstStep = state.step
    (records, loader) = try communicator.agree {
      let records =
        communicator.isLeader
        ? try RunRecords(start.directory, config, resumingAt: firstStep) : nil
      if firstStep == 0 { try records?.writeQuarantine(plan.findings) }
      return (records, try plan.loader(communicator, startStep: firstStep) { logger.warning("\($0)") })
    }
    let from = start.checkpoint.map { "resuming from \($0.lastPathComponent)" } ?? "starting"
    logger.info(
      "\(from) on \(communicator.worldSize) ranks, \(config.globalBatchSize) pairs a step, \(model.parameters.parameterCount) parameters"
    )
  }

  /// The steps that are left; the exit code says whether the run is done or wants to be requeued.
  func run() throws -> ExitCode {
    defer { loader.stop() }
    while state.step < plan.config.steps {
      let isStopping = try runStep()
      let isLast = state.step == plan.config.steps
      try watchBadSamples()
      if isLast || isStopping || state.step.isMultiple(of: plan.config.checkpointEverySteps) { try save() }
      if isStopping && !isLast {
        logger.info("stopped at step \(state.step) on a signal; resume with --resume auto")
        return .requeue
      }
    }
    logger.info("done: \(state.step) steps, \(state.samplesSeen) pairs seen")
    return .done
  }

  /// One step; true when some rank was asked to stop.
  private func runStep() throws -> Bool {
    let start = monotonicSeconds()
    let batch = try loader.next()
    defer { batch.release() }
    let result = try step.run(trainBatch(batch), index: state.step)
    let reports = try communicator.allGather(
      RankReport(
        dataSeconds: batch.waitSeconds, computeSeconds: result.computeSeconds,
        communicationSeconds: result.communicationSeconds, skippedCount: batch.skipped.count,
        wantsStop: StopSignal.isRequested))
    state.step += 1
    state.updates = step.optimizer.step
    state.samplesSeen += plan.config.globalBatchSize
    try record(batch, result, reports, stepSeconds: monotonicSeconds() - start)
    try watchUpdates(result)
    return reports.contains(where: \.wantsStop)
  }

  private func trainBatch(_ batch: Batch) -> TrainBatch {
    let images = ImageBatch(
      batch.images.baseAddress!, count: batch.count, size: plan.model.vision.imageSize)
    return TrainBatch(
      crops: [.init(name: "image", images: images)],
      captions: PackedCaptions(ids: batch.tokens, offsets: batch.offsets), step: state.step,
      firstSlot: communicator.rank * batch.count)
  }

  private func record(
    _ batch: Batch, _ result: StepResult, _ reports: [RankReport], stepSeconds: Double
  ) throws {
    let number = state.step
    if plan.config.sampleKeys {
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
    badSamples.add(used: plan.config.globalBatchSize, bad: bad)
    try records?.writeMetrics(
      state, epoch: batch.epoch, componentEpochs: plan.order.componentEpochs(before: number), result, reports,
      stepSeconds: stepSeconds)
  }

  /// Ten updates in a row that could not be applied will not mend themselves. Loss and norm are equal on all ranks, so
  /// all come to the same verdict.
  private func watchUpdates(_ result: StepResult) throws {
    skippedUpdates = result.updated ? 0 : skippedUpdates + 1
    guard !result.updated else { return }
    if communicator.isLeader {
      logger.warning(
        "step \(state.step): loss \(result.loss), gradient norm \(result.gradientNorm): update skipped on all ranks"
      )
    }
    guard skippedUpdates >= 10 else { return }
    var error = KelipError(
      "loss or gradient were not finite for \(skippedUpdates) steps in a row", at: "step \(state.step)",
      hint: "resume from an earlier checkpoint with a lower optimizer.lr", exitCode: .fatal)
    error.isAgreed = true
    throw error
  }

  /// The work done so far is saved first: with the shards mended or the limit raised, the run goes on from here.
  private func watchBadSamples() throws {
    let config = plan.config
    guard
      let error = badSamples.verdict(
        fraction: config.maxBadFraction, minimum: config.maxBadFractionAfter, step: state.step)
    else { return }
    try save()
    throw error
  }

  private func save() throws {
    guard savedStep != state.step else { return }
    savedStep = state.step
    guard communicator.isLeader else { return }
    try RunCheckpoint.save(
      state, step.objective.parameters, step.optimizer, model: plan.model, plan.tokenizer, in: checkpoints)
    logger.info("checkpoint of step \(state.step) saved")
  }
}

extension TrainLoop {
  private static func initialise(_ model: DualEncoder<S>, _ config: TrainConfig) throws {
    if let path = config.initFrom {
      try WeightFile.load(URL(fileURLWithPath: path), into: model.parameters)
    } else {
      model.parameters.initialise(seed: config.seed)
    }
  }

  private static func share(
    _ state: RunState, from communicator: any Communicator, shards: String?
  ) throws -> RunState {
    let leaders = try communicator.allGather((state.step, state.updates, state.samplesSeen))[0]
    return RunState(
      step: leaders.0, updates: leaders.1, samplesSeen: leaders.2, worldSize: communicator.worldSize,
      shards: shards)
  }

  /// The leader read the checkpoint; the others need no access to its disk.
  private static func share(
    _ model: DualEncoder<S>, _ optimizer: AdamW, _ state: RunState, _ communicator: any Communicator
  ) throws {
    for buffer in [model.parameters.values, optimizer.m, optimizer.v] {
      try communicator.broadcast(UnsafeMutableRawBufferPointer(buffer), root: 0)
    }
    optimizer.step = state.updates
  }
}
