import Basics
import Collectives
import Kernels
import Objectives
import Optimization
import Testing
import TestSupport
import TinyRun
import Towers

@testable import Training

@Suite struct JointMaskedTests {
  /// How a small model is trained on six pairs.
  struct Setting: Sendable {
    var textLoss = MaskedTextLoss.crossEntropy
    var alpha = 1.0
    var beta = 0.5
    var microBatchSize: Int?
    var frozen = Freezing.none
  }

  private static let draws = MaskDraws(seed: 9, sides: [3, 8], tokenCounts: 1...4)

  private struct Joint<S: ComputeScalar> {
    let objective: JointMaskedObjective<S>
    let contrastive: ContrastiveObjective<S>
    var parameters: ParameterArena { objective.parameters }

    init(_ setting: Setting) throws {
      var heads: MaskedHeads<S>!
      let config = try ModelFile.parse(TinyRun.model, source: "model")
      let model = try DualEncoder<S>(config, frozen: .init(image: setting.frozen, text: setting.frozen)) {
        heads = MaskedHeads($0, config, textLoss: setting.textLoss)
      }
      model.parameters.initialise(seed: 4)
      contrastive = ContrastiveObjective(
        model: model, loss: GlobalContrastive(),
        options: .init(microBatchSize: setting.microBatchSize, weight: setting.alpha))
      objective = JointMaskedObjective(
        contrastive, heads: heads, options: .init(beta: setting.beta, draws: draws, maskID: 7))
    }

    func parameter(_ name: String) -> Parameter { parameters.parameters.first { $0.name == name }! }
  }

  /// Pairs of a global batch of six, captions of 0 to 5 words.
  private struct Pairs {
    let images: [Float]
    let captions: PackedCaptions
    let range: Range<Int>

    init(_ range: Range<Int>) {
      self.range = range
      images = range.flatMap { seededFloats(3 * 16 * 16, seed: 100 + UInt64($0)) }
      let texts = range.map { number in [257] + (0..<number).map { Int32(20 + 9 * number + $0) } + [299] }
      let offsets = texts.reduce(into: [Int32(0)]) { $0.append($0.last! + Int32($1.count)) }
      captions = PackedCaptions(ids: texts.flatMap(\.self), offsets: offsets)
    }

    func withBatch<Result>(_ body: (TrainBatch) throws -> Result) rethrows -> Result {
      try images.withUnsafeBufferPointer {
        let images = ImageBatch($0.baseAddress!, count: range.count, size: 16)
        return try body(
          TrainBatch(
            crops: [.init(name: "image", images: images)], captions: captions, step: 3,
            firstSlot: range.lowerBound))
      }
    }
  }

  private struct Outcome: Sendable {
    var loss: Double
    var terms: [Double]
    var gradients: [Double]
  }

  private func outcome<S: ComputeScalar>(
    _ joint: Joint<S>, _ communicator: any Communicator = SoloCommunicator()
  ) throws -> Outcome {
    let size = 6 / communicator.worldSize
    joint.objective.refresh()
    joint.parameters.zeroGradients()
    return try Pairs(communicator.rank * size..<(communicator.rank + 1) * size).withBatch { batch in
      let context = ObjectiveContext(
        arena: try Arena(capacity: 1 << 30), communicator: communicator, gradientsReady: { _ in })
      let result = try joint.objective.accumulate(batch, context)
      return Outcome(
        loss: result.loss, terms: result.terms.map(\.value),
        gradients: joint.parameters.gradients.map(Double.init))
    }
  }

  @Test(arguments: [1, 2, 3], [nil, 1, 2, 4]) func anyRanksAndMicroBatchesGiveTheSameLossAndGradients(
    worldSize: Int, microBatchSize: Int?
  ) throws {
    for textLoss in MaskedTextLoss.allCases {
      let alone = try outcome(Joint<Float>(Setting(textLoss: textLoss)))
      let parts = try ThreadedCommunicator.run(worldSize: worldSize) { communicator in
        let setting = Setting(textLoss: textLoss, microBatchSize: microBatchSize)
        return try outcome(Joint<Float>(setting), communicator)
      }
      for part in parts {
        #expect(mismatch([part.loss] + part.terms, [alone.loss] + alone.terms, tolerance: 1e-5) == nil)
      }
      let sum = parts.dropFirst().reduce(parts[0].gradients) { zip($0, $1.gradients).map(+) }
      #expect(normMismatch(sum, alone.gradients, tolerance: 1e-5) == nil)
    }
  }

  @Test func theLossIsTheWeightedSumOfItsTerms() throws {
    let result = try outcome(Joint<Float>(Setting(alpha: 2, beta: 0.25)))
    let terms = result.terms
    #expect(terms.count == 3 && terms.allSatisfy { $0 > 0 })
    #expect(abs(result.loss - (2 * terms[0] + 0.25 * (terms[1] + terms[2]))) < 1e-9)
  }

  @Test func gradientsAreWeightedAsTheLossIs() throws {
    func gradients(_ alpha: Double, _ beta: Double) throws -> [Double] {
      try outcome(Joint<Float>(Setting(alpha: alpha, beta: beta))).gradients
    }
    let (contrastive, masked) = (try gradients(1, 0), try gradients(0, 1))
    let expected = zip(contrastive, masked).map { 3 * $0 + 0.5 * $1 }
    #expect(norm(contrastive) > 0 && norm(masked) > 0)
    #expect(try normMismatch(gradients(3, 0.5), expected, tolerance: 1e-5) == nil)
  }

  /// Along every parameter's gradient; with L1 the table of tokens is left out, which serves as target without a gradient.
  @Test(arguments: MaskedTextLoss.allCases) func finiteDifferencesWithinTwoPercent(_ textLoss: MaskedTextLoss)
    throws
  {
    let joint = try Joint<Float>(Setting(textLoss: textLoss))
    _ = try outcome(joint)
    let gradients = joint.parameters.parameters.map { parameter in
      (0..<parameter.count).map { Double(parameter.gradient[$0]) }
    }
    for (parameter, gradient) in zip(joint.parameters.parameters, gradients) {
      if textLoss == .l1 && parameter.name == "token_embedding.weight" { continue }
      let length = norm(gradient)
      try #require(length.isFinite && length > 0, "\(parameter.name)")
      let start = (0..<parameter.count).map { parameter.value[$0] }
      func loss(_ step: Double) throws -> Double {
        for i in start.indices { parameter.value[i] = start[i] + Float(step * gradient[i] / length) }
        return try outcome(joint).loss
      }
      let slope = try (loss(1e-3) - loss(-1e-3)) / 2e-3
      parameter.value.update(from: start, count: start.count)
      #expect(abs(slope - length) <= 2e-2 * length + 1e-4, "\(parameter.name): \(slope), not \(length)")
    }
  }

  @Test(arguments: [Precision.fp32, .bf16], [Freezing.none, .body]) func everyTermFallsOnOneBatch(
    _ precision: Precision, _ frozen: Freezing
  ) throws {
    func terms<S: ComputeScalar>(_: S.Type) throws -> (first: [Double], last: [Double]) {
      let joint = try Joint<S>(Setting(textLoss: .crossEntropy, beta: 1, frozen: frozen))
      let step = try TrainStep(
        objective: joint.objective, optimizer: Optimizer(joint.parameters, settings: .init(kind: .adam)),
        schedule: .constant(lr: 1e-2), gradClipNorm: nil, bucketBytes: 4096,
        communicator: SoloCommunicator())
      let losses = try Pairs(0..<6).withBatch { batch in
        try (0..<40).map { try step.run(batch, index: $0).objective.terms.map(\.value) }
      }
      return (losses[0], losses[39])
    }
    let (first, last) = try precision == .fp32 ? terms(Float.self) : terms(BFloat16.self)
    for (before, after) in zip(first, last) { #expect(after < 0.9 * before, "\(first) → \(last)") }
  }

  @Test func aFrozenBodyLeavesTheHeadsTheirGradients() throws {
    let joint = try Joint<Float>(Setting(frozen: .body))
    _ = try outcome(joint)
    #expect(!joint.parameter("token_embedding.weight").isTrainable)
    for name in ["masked.image_head.weight", "masked.image_head.bias", "masked.text_head.weight"] {
      let head = joint.parameter(name)
      #expect(head.isTrainable && head.isHead)
      #expect((0..<head.count).contains { head.gradient[$0] != 0 }, "\(name)")
    }
  }

  @Test func headsCompleteBeforeAnythingIsReported() throws {
    let joint = try Joint<Float>(Setting())
    joint.objective.refresh()
    let headEnd = joint.parameters.parameters.filter(\.isHead).map(\.end).max()!
    var ends: [Int] = []
    try Pairs(0..<6).withBatch { batch in
      let context = ObjectiveContext(
        arena: try Arena(capacity: 1 << 30), communicator: SoloCommunicator(),
        gradientsReady: { ends.append($0) })
      _ = try joint.objective.accumulate(batch, context)
    }
    #expect(ends.first! >= headEnd && ends == ends.sorted())
  }

  @Test func captionsWithoutWordsHaveNoTextLoss() throws {
    let joint = try Joint<Float>(Setting())
    joint.objective.refresh()
    let result = try Pairs(0..<1).withBatch { batch in
      try joint.objective.accumulate(
        batch,
        ObjectiveContext(
          arena: try Arena(capacity: 1 << 30), communicator: SoloCommunicator(), gradientsReady: { _ in }))
    }
    #expect(result.terms.last!.value == 0 && result.loss.isFinite && result.terms[1].value > 0)
  }
}
