import Basics
import Collectives
import Kernels
import Objectives
import Optimization
import Towers
import Training

/// Times whole training steps (forward, global loss, backward, all-reduce, update) on random pictures.
package struct StepBenchmark: Sendable {
  package var model: ModelConfig
  package var precision: Precision
  /// Pairs a rank.
  package var batchSize: Int
  /// Tokens of every caption.
  package var tokens: Int
  package var steps: Int
  /// Steps before those that are timed.
  package var warmups = 2
  /// Captions of a data set, a batch of this rank each, instead of `tokens` a caption.
  package var captions: [PackedCaptions]?
  /// What of the towers keeps its weights.
  package var freezing: (image: Freezing, text: Freezing) = (.none, .none)
  /// Views of each picture, all of the tower's size.
  package var crops = 1
  /// Pairs that go through the towers at once; nil for all.
  package var microBatchSize: Int?
  /// Tokens of captions that go through the text tower at once; nil for no limit.
  package var microBatchTokens: Int?
  /// How gradients and weights travel.
  package var parallel = ParallelSettings()
  /// Steps with the phase clock on, after those that are timed; 0 for none.
  package var phaseSteps = 0
  /// Seconds for the rate of this step's matrix products alone; only with `phaseSteps`.
  package var productSeconds = 6.0
  private static let productRounds = 3
  /// Writes the call stack of each heap allocation of one step to standard error.
  package var tracesAllocations = false

  package init(model: ModelConfig, precision: Precision, batchSize: Int, tokens: Int, steps: Int) throws {
    guard (2...model.text.contextLength).contains(tokens) else {
      throw KelipError(
        "--tokens \(tokens) is outside 2…\(model.text.contextLength) (the model's context_length)")
    }
    guard batchSize > 0, steps > 0 else { throw KelipError("--batch and --steps must be at least 1") }
    (self.model, self.precision, self.batchSize) = (model, precision, batchSize)
    (self.tokens, self.steps) = (tokens, steps)
  }

  package func run(_ communicator: any Communicator) throws -> StepReport {
    switch precision {
    case .fp32: try measure(Float.self, communicator)
    case .bf16: try measure(BFloat16.self, communicator)
    }
  }

  /// How often one step runs each shape of matrix product: from a step in a world of one.
  package func productCounts() throws -> [ProductShape: Int] {
    switch precision {
    case .fp32: try productCounts(Float.self)
    case .bf16: try productCounts(BFloat16.self)
    }
  }

  private func productCounts<S: ComputeScalar>(_: S.Type) throws -> [ProductShape: Int] {
    let communicator = SoloCommunicator()
    let inputs = inputs(communicator)
    defer { inputs.deallocate() }
    let timer = StepTimer(
      step: try trainStep(DualEncoder<S>(model), communicator), inputs: inputs, communicator: communicator)
    return try timer.phases(steps: 1).shapes.mapValues(\.count)
  }

  private func measure<S: ComputeScalar>(_: S.Type, _ communicator: any Communicator) throws -> StepReport {
    let encoder = try DualEncoder<S>(model, frozen: .init(image: freezing.image, text: freezing.text))
    encoder.parameters.initialise(seed: 1)
    let inputs = inputs(communicator)
    defer { inputs.deallocate() }
    let step = try trainStep(encoder, communicator)
    let timer = StepTimer(step: step, inputs: inputs, communicator: communicator)
    var report = try timer.timed(steps: steps, warmups: warmups)
    report.setModel(
      encoder.parameters, momentCount: step.optimizer.m.count, batchSize: batchSize)
    report.tokensPerCaption = Double(inputs.tokenCount) / Double(batchSize * inputs.batchCount)
    if tracesAllocations { try MemoryCounters.trace { _ = try timer.next() } }
    if phaseSteps > 0 { try measurePhases(timer, communicator, into: &report, as: S.self) }
    return report
  }

  private func measurePhases<S: ComputeScalar>(
    _ timer: StepTimer, _ communicator: any Communicator, into report: inout StepReport, as _: S.Type
  ) throws {
    let phases = try timer.phases(steps: phaseSteps)
    report.phases = phases
    // The machine may be another from minute to minute: products run between steps, and are compared with their
    // neighbours.
    var rounds: [(products: ProductBenchmark.Result, gigaflops: Double, share: Double)] = []
    var before = try timer.seconds()
    for _ in 0..<Self.productRounds {
      let products = try ProductBenchmark(seconds: productSeconds / Double(Self.productRounds))
        .run(phases.shapes.mapValues(\.count), as: S.self)
      let gigaflops = try communicator.sum(products.gigaflops) / Double(communicator.worldSize)
      let after = try timer.seconds()
      rounds.append((products, gigaflops, phases.flops / (before + after) * 2e-9 / gigaflops))
      before = after
    }
    let median = rounds.sorted { $0.gigaflops < $1.gigaflops }[Self.productRounds / 2]
    (report.products, report.productGigaflops) = (median.products, median.gigaflops)
    report.shareOfProductRate = rounds.map(\.share).sorted()[Self.productRounds / 2]
  }

  private func trainStep<S: ComputeScalar>(
    _ encoder: DualEncoder<S>, _ communicator: any Communicator
  ) throws -> TrainStep {
    let objective = ContrastiveObjective(
      model: encoder, loss: GlobalContrastive(),
      options: .init(microBatchSize: microBatchSize, microBatchTokens: microBatchTokens))
    return try TrainStep(
      objective: objective,
      optimizer: parallel.optimizer(for: objective, OptimizerSettings(), communicator),
      schedule: .warmupCosine(lr: 1e-4, warmup: 10, steps: 1000), gradClipNorm: 1,
      bucketBytes: parallel.bucketBytes, communicator: communicator, style: parallel.style)
  }

  private func inputs(_ communicator: any Communicator) -> StepInputs {
    let random = {
      StepInputs.random(
        batchSize: batchSize, tokens: tokens, vocabSize: model.text.vocabSize, rank: communicator.rank)
    }
    return StepInputs(
      captions: captions ?? [random()], imageSize: model.vision.imageSize, crops: crops,
      rank: communicator.rank)
  }
}
