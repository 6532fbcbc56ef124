import Basics
import Collectives
import Kernels
import Objectives
import Optimization
import Towers
import Training

/// Times whole training steps (forward, global loss, backward, all-reduce, update) on random pictures and captions.
package struct StepBenchmark: Sendable {
  package var model: ModelConfig
  package var precision: Precision
  /// Pairs a rank.
  package var batchSize: Int
  /// Tokens of every caption.
  package var tokens: Int
  package var steps: Int
  /// What of the towers keeps its weights.
  package var freezing: (image: Freezing, text: Freezing) = (.none, .none)
  /// Views of each picture, all of the tower's size.
  package var crops = 1
  /// Pairs that go through the towers at once; nil for all.
  package var microBatchSize: Int?
  /// How gradients and weights travel.
  package var parallel = ParallelSettings()

  package init(model: ModelConfig, precision: Precision, batchSize: Int, tokens: Int, steps: Int) throws {
    guard (2...model.text.contextLength).contains(tokens) else {
      throw KelipError(
        "--tokens \(tokens) is outside 2…\(model.text.contextLength) (the model's context_length)")
    }
    guard batchSize > 0, steps > 0 else { throw KelipError("--batch and --steps must be at least 1") }
    (self.model, self.precision, self.batchSize) = (model, precision, batchSize)
    (self.tokens, self.steps) = (tokens, steps)
  }

  /// Median of the timed steps; equal on every rank.
  package struct Result: Sendable {
    package var worldSize: Int
    package var stepSeconds: Double
    package var samplesPerSecond: Double
    package var communicationSeconds: Double
    package var peakActivationBytes: Int
    package var parameterCount: Int
    package var trainedParameterCount: Int
    /// Weights, gradients and optimizer state.
    package var parameterBytes: Int
    package var loss: Double
  }

  package func run(_ communicator: any Communicator) throws -> Result {
    switch precision {
    case .fp32: try measure(Float.self, communicator)
    case .bf16: try measure(BFloat16.self, communicator)
    }
  }

  private func measure<S: ComputeScalar>(_: S.Type, _ communicator: any Communicator) throws -> Result {
    let encoder = try DualEncoder<S>(model, frozen: .init(image: freezing.image, text: freezing.text))
    encoder.parameters.initialise(seed: 1)
    let objective = ContrastiveObjective(
      model: encoder, loss: GlobalContrastive(), options: .init(microBatchSize: microBatchSize))
    let optimizer = parallel.optimizer(for: objective, OptimizerSettings(), communicator)
    let step = try TrainStep(
      objective: objective, optimizer: optimizer,
      schedule: .warmupCosine(lr: 1e-4, warmup: 10, steps: 1000), gradClipNorm: 1,
      bucketBytes: parallel.bucketBytes, communicator: communicator, style: parallel.style)
    let (images, captions) = inputs(rank: communicator.rank)
    defer { images.deallocate() }
    let view = TrainBatch.Crop(
      name: "image", images: ImageBatch(images, count: batchSize, size: model.vision.imageSize))
    let batch = TrainBatch(
      crops: Array(repeating: view, count: crops), captions: captions, step: 0,
      firstSlot: communicator.rank * batchSize)
    var results: [(seconds: Double, step: StepResult)] = []
    let warmups = 2
    for index in 0..<(warmups + steps) {
      try communicator.barrier()
      let start = monotonicSeconds()
      let result = try step.run(batch, index: index)
      try communicator.barrier()
      if index >= warmups { results.append((monotonicSeconds() - start, result)) }
    }
    let median = results.sorted { $0.seconds < $1.seconds }[results.count / 2]
    let seconds = try communicator.max(median.seconds)
    return Result(
      worldSize: communicator.worldSize, stepSeconds: seconds,
      samplesPerSecond: Double(batchSize * communicator.worldSize) / seconds,
      communicationSeconds: try communicator.max(median.step.communicationSeconds),
      peakActivationBytes: step.peakActivationBytes,
      parameterCount: encoder.parameters.parameterCount,
      trainedParameterCount: encoder.parameters.trainedParameterCount,
      parameterBytes: 4
        * (encoder.parameters.count + encoder.parameters.trainedCount + 2 * optimizer.m.count),
      loss: results.last!.step.loss)
  }

  private func inputs(rank: Int) -> (UnsafeMutablePointer<Float>, PackedCaptions) {
    var generator = SeededGenerator(seed: Hashing.combine(7, UInt64(rank)))
    let count = batchSize * 3 * model.vision.imageSize * model.vision.imageSize
    let images = UnsafeMutablePointer<Float>.allocate(capacity: count)
    generator.fillNormal(UnsafeMutableBufferPointer(start: images, count: count), std: 1)
    let last = model.text.vocabSize - 1
    var ids: [Int32] = []
    for _ in 0..<batchSize {
      ids += (0..<(tokens - 1)).map { _ in Int32(generator.next() % UInt64(last)) }
      ids.append(Int32(last))
    }
    let offsets = (0...batchSize).map { Int32($0 * tokens) }
    return (images, PackedCaptions(ids: ids, offsets: offsets))
  }
}
