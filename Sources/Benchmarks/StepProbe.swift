import Basics
import Collectives
import Foundation
import Kernels
import Objectives
import Optimization
import Planning
import Tokenization
import Towers
import Training

/// Measures a stage's step on this machine for `kelip plan`: records real steps, on random pictures and captions, in a
/// world that is only pretended.
///
/// Started on several ranks, all of them measure at the same time, as they would train: memory and caches are shared,
/// and the slowest counts.
package struct StepProbe: Sendable {
  package var config: TrainConfig
  package var model: ModelConfig
  /// Tokens of every caption.
  package var tokens: Int
  /// Pairs a rank, one or two numbers, growing.
  package var batchSizes: [Int]
  /// Steps that count, of each batch.
  package var steps: Int

  /// Steps before those, which touch memory.
  private static let warmups = 1
  /// Of the pretended world: the smallest that communicates.
  private static let worldSize = 2
  /// Pairs by which the larger world is larger in which the loss is measured, and pairs of the rank.
  private static let lossPairs = 16384
  private static let lossBatches = [8, 64]

  package init(config: TrainConfig, model: ModelConfig, tokens: Int, batchSizes: [Int], steps: Int) throws {
    guard (2...model.text.contextLength).contains(tokens) else {
      throw KelipError(
        "--tokens \(tokens) is outside 2…\(model.text.contextLength) (the model's context_length)")
    }
    precondition((1...2).contains(batchSizes.count) && batchSizes.allSatisfy { $0 > 0 } && steps > 0)
    precondition(batchSizes == Set(batchSizes).sorted(), "batches grow")
    (self.config, self.model, self.tokens) = (config, model, tokens)
    (self.batchSizes, self.steps) = (batchSizes, steps)
  }

  /// Every stage of the configuration; equal on every rank.
  package func run(_ communicator: any Communicator) throws -> StepModelFile {
    let stages = try config.stageSettings.map { stage in
      let predictor =
        switch config.precision {
        case .fp32: try measure(stage, Float.self, communicator)
        case .bf16: try measure(stage, BFloat16.self, communicator)
        }
      return StepModelFile.Stage(stage.kind.rawValue, predictor)
    }
    return try slowest(StepModelFile(stages), communicator)
  }

  private func measure<S: ComputeScalar>(
    _ stage: StageSettings, _: S.Type, _ communicator: any Communicator
  ) throws -> StepPredictor {
    let objective = try stage.kind.makeObjective(
      config, model, tokenizer: { try Tokenizers.load(config.tokenizerPath) }, as: S.self)
    objective.parameters.initialise(seed: config.seed)
    let recorder = recorder(worldSize: Self.worldSize, objective.tableRows)
    defer { recorder.finalize() }
    let parallel = config.parallel
    let optimizer = parallel.optimizer(for: objective, stage.optimizer, recorder)
    let step = try TrainStep(
      objective: objective, optimizer: optimizer,
      schedule: stage.schedule.schedule(stepsPerEpoch: 1000), gradClipNorm: stage.gradClipNorm,
      bucketBytes: parallel.bucketBytes, communicator: recorder, style: parallel.style)
    let samples = try batchSizes.map { batchSize in
      try sample(step, recorder, ProbeBatch(stage, model, count: batchSize, tokens: tokens), communicator)
    }
    let parameters = objective.parameters
    var memory = ParameterMemory(
      count: parameters.count, trainedCount: parameters.trainedCount, isSharded: optimizer.share != nil)
    memory.otherBytes = max(
      0,
      Double(residentBytes()) - memory.bytes(worldSize: Self.worldSize) - samples.last!.activationBytes)
    return StepPredictor(
      try StepModel(
        samples, worldSize: Self.worldSize, loss: try lossGrowth(stage), isSharded: memory.isSharded), memory)
  }

  /// - Parameter table: each rank tells the others a bit for each row.
  private func recorder(worldSize: Int, _ table: GradientLayout.Rows? = nil) -> TraceRecorder {
    TraceRecorder(
      worldSize: worldSize, clock: config.threadsPerRank == 1 ? .processor : .wall,
      growingGatherBytes: table.map { ($0.range.count / $0.width + 31) / 32 * 4 })
  }

  private func sample(
    _ step: TrainStep, _ recorder: TraceRecorder, _ batch: ProbeBatch, _ communicator: any Communicator
  ) throws -> StepModel.Sample {
    let traces = try (0..<(Self.warmups + steps)).map { index in
      try communicator.barrier()
      return try recorder.record { _ = try step.run(batch.batch, index: index) }
    }
    guard let trace = StepTrace.median(Array(traces[Self.warmups...])) else {
      throw KelipError("steps differ in their collectives", exitCode: .fatal)
    }
    return StepModel.Sample(
      batchSize: batch.batch.count, trace: trace, activationBytes: Double(step.peakActivationBytes))
  }

  /// The loss by itself, in a small and in a large world, for a few pairs of this rank and for many.
  private func lossGrowth(_ stage: StageSettings) throws -> StepModel.LossGrowth {
    guard stage.kind != .mae else { return .none }
    let crops = Double(stage.crops.reduce(0) { $0 + $1.count })
    let slopes = try Self.lossBatches.map { try lossSlope(batchSize: $0) }
    let (few, many) = (Double(Self.lossBatches[0]), Double(Self.lossBatches[1]))
    let seconds = slopes.map { Swift.max(0, crops * $0.seconds) }
    let each = Swift.max(0, (seconds[1] - seconds[0]) / (many - few))
    return StepModel.LossGrowth(
      secondsPerPair: Swift.max(0, seconds[1] - each * many), secondsPerPairOfPairs: each,
      bytesPerPair: slopes[1].bytes)
  }

  /// For each pair that the world has more.
  private func lossSlope(batchSize: Int) throws -> (seconds: Double, bytes: Double) {
    let worlds = [Self.worldSize, Self.worldSize + Self.lossPairs / batchSize]
    let measured = try worlds.map { try lossCost(batchSize: batchSize, worldSize: $0) }
    let pairs = Double((worlds[1] - worlds[0]) * batchSize)
    return (
      (measured[1].seconds - measured[0].seconds) / pairs,
      Double(measured[1].bytes - measured[0].bytes) / pairs
    )
  }

  private func lossCost(batchSize: Int, worldSize: Int) throws -> (seconds: Double, bytes: Int) {
    let (count, arena) = (batchSize * model.embedDim, try Arena())
    let features = arena.allocate(Float.self, 4 * count)
    var generator = SeededGenerator(seed: 3)
    generator.fillNormal(UnsafeMutableBufferPointer(start: features, count: 2 * count), std: 1)
    let recorder = recorder(worldSize: worldSize)
    let loss = GlobalContrastive(tileRows: config.tileRows, tileColumns: config.tileColumns)
    let seconds = try (0..<4).map { _ in
      try recorder.record {
        _ = try loss.lossAndGradients(
          imageFeatures: features, textFeatures: features + count, batchSize: batchSize,
          embedDim: model.embedDim, logitScale: 2.66, precision: config.precision,
          dImageFeatures: features + 2 * count,
          dTextFeatures: features + 3 * count, communicator: recorder, arena: arena)
      }.computeSeconds
    }
    return (seconds.min()!, arena.peakBytes)
  }

  /// Of what the ranks have measured, that of the slowest.
  private func slowest(_ mine: StepModelFile, _ communicator: any Communicator) throws -> StepModelFile {
    let all = try communicator.allGatherBytes(Array(mine.json.text.utf8)).enumerated().map {
      try StepModelFile(json: Data($1), from: "rank \($0)")
    }
    return all.max { $0.computeSeconds < $1.computeSeconds }!
  }
}

extension StepModelFile {
  fileprivate var computeSeconds: Double {
    stages.reduce(0) { $0 + $1.predictor.model.samples.last!.trace.computeSeconds }
  }
}

/// Random pictures and captions of the shapes that a stage trains on.
private final class ProbeBatch {
  let batch: TrainBatch
  private let images: [UnsafeMutableBufferPointer<Float>]

  init(_ stage: StageSettings, _ model: ModelConfig, count: Int, tokens: Int) {
    var generator = SeededGenerator(seed: 7)
    var images: [UnsafeMutableBufferPointer<Float>] = []
    let crops = stage.crops.flatMap { group in
      let size = group.resizeTo ?? group.size ?? model.vision.imageSize
      return (0..<group.count).map { _ in
        let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: count * 3 * size * size)
        generator.fillNormal(values, std: 1)
        images.append(values)
        return TrainBatch.Crop(
          name: group.name, images: ImageBatch(values.baseAddress!, count: count, size: size))
      }
    }
    self.images = images
    let last = model.text.vocabSize - 1
    let ids = (0..<count).flatMap { _ in
      (0..<(tokens - 1)).map { _ in Int32(generator.next() % UInt64(last)) } + [Int32(last)]
    }
    let captions = PackedCaptions(ids: ids, offsets: (0...count).map { Int32($0 * tokens) })
    batch = TrainBatch(crops: crops, captions: captions, step: 0, firstSlot: 0)
  }

  deinit { images.forEach { $0.deallocate() } }
}
