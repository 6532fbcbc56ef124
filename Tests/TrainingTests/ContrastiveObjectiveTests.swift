import Captions
import Collectives
import Kernels
import Objectives
import Optimization
import TestSupport
import Testing
import TinyRun
import Towers

@testable import Training

/// Six pairs, each with any number of crops of 16 × 16 pixels, cut to one rank's slice.
private struct CroppedPairs {
  let crops: [(name: String, images: [Float])]
  let captions: PackedCaptions
  let first: Int

  init(_ range: Range<Int> = 0..<6, crops names: [String]) {
    crops = names.enumerated().map { number, name in
      (
        name,
        range.flatMap { seededFloats(3 * 16 * 16, seed: UInt64(1000 * number + 100 + $0)) }
      )
    }
    let texts = range.map { [257, Int32(3 + $0), Int32(20 + $0 * $0), 299].suffix(2 + $0 % 3) }
    captions = PackedCaptions(
      ids: texts.flatMap(\.self), offsets: texts.reduce(into: [0]) { $0.append($0.last! + Int32($1.count)) })
    first = range.lowerBound
  }

  /// Korean, English, Korean, …
  static func language(_ pair: Int) -> CaptionLanguage { pair.isMultiple(of: 2) ? .korean : .english }

  func withBatch<R>(_ body: (TrainBatch) throws -> R) rethrows -> R {
    let buffers = crops.map { crop in
      let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: crop.images.count)
      _ = buffer.initialize(fromContentsOf: crop.images)
      return buffer
    }
    defer { for buffer in buffers { buffer.deallocate() } }
    let views = zip(crops, buffers).map { crop, buffer in
      TrainBatch.Crop(
        name: crop.name, images: ImageBatch(buffer.baseAddress!, count: captions.count, size: 16))
    }
    return try body(
      TrainBatch(
        crops: views, captions: captions, languages: (0..<captions.count).map { Self.language(first + $0) },
        step: 0, firstSlot: first))
  }
}

@Suite struct ContrastiveObjectiveTests {
  private struct Outcome: Sendable {
    var loss: Double
    var terms: [String: Double]
    var languages: LanguageLosses
    /// By parameter; of what is trained.
    var gradients: [String: [Double]]
    var activationBytes: Int
    /// Ends that were reported, in order.
    var reports: [Int]
  }

  private func objective<S: ComputeScalar>(
    frozen: DualEncoder<S>.FrozenParts = .init(), microBatchSize: Int? = nil, microBatchTokens: Int? = nil
  ) throws -> ContrastiveObjective<S> {
    let model = try DualEncoder<S>(ModelFile.parse(TinyRun.model, source: "model"), frozen: frozen)
    model.parameters.initialise(seed: 5)
    return ContrastiveObjective(
      model: model, loss: GlobalContrastive(tileRows: 2, tileColumns: 4),
      options: .init(microBatchSize: microBatchSize, microBatchTokens: microBatchTokens))
  }

  private func run(
    _ objective: some TrainObjective, _ pairs: CroppedPairs,
    _ communicator: any Communicator = SoloCommunicator()
  ) throws -> Outcome {
    let arena = try Arena(capacity: 1 << 30)
    let parameters = objective.parameters
    parameters.zeroGradients()
    objective.refresh()
    nonisolated(unsafe) var reports: [Int] = []
    let result = try pairs.withBatch { batch in
      try objective.accumulate(
        batch,
        ObjectiveContext(arena: arena, communicator: communicator) { reports.append($0) })
    }
    try communicator.allReduceSum(parameters.gradients)
    let gradients = parameters.declared.filter(\.isTrainable).map { parameter in
      (parameter.name, (0..<parameter.count).map { Double(parameter.gradient[$0]) })
    }
    return Outcome(
      loss: result.loss, terms: Dictionary(uniqueKeysWithValues: result.terms.map { ($0.name, $0.value) }),
      languages: result.languages, gradients: Dictionary(uniqueKeysWithValues: gradients),
      activationBytes: arena.peakBytes,
      reports: reports)
  }

  /// The first parameter whose gradient differs by more than `tolerance` of its norm.
  private func difference(_ found: Outcome, _ expected: Outcome, tolerance: Double) -> String? {
    for (name, gradient) in found.gradients {
      // The keys' bias has no gradient but rounding noise.
      guard !name.hasSuffix("in_proj_bias") else { continue }
      if let mismatch = normMismatch(gradient, expected.gradients[name]!, tolerance: tolerance) {
        return "\(name): \(mismatch)"
      }
    }
    return nil
  }

  /// Also over the ranks: the sums of their parts are those of the whole.
  @Test func theLossesOfTheLanguagesAddUpToTheWhole() throws {
    let names = ["global", "local"]
    let alone = try run(
      objective(microBatchSize: 4) as ContrastiveObjective<Float>, CroppedPairs(crops: names))
    let terms = alone.languages.terms
    #expect(terms.map(\.name) == ["contrastive_loss_ko", "contrastive_loss_en"])
    #expect(abs(terms[0].value - terms[1].value) > 1e-3)
    #expect(abs((terms[0].value + terms[1].value) / 2 - alone.loss) < 1e-9)

    let parts = try ThreadedCommunicator.run(worldSize: 3) { communicator in
      let mine = communicator.rank * 2..<communicator.rank * 2 + 2
      let objective: ContrastiveObjective<Float> = try objective()
      return try run(objective, CroppedPairs(mine, crops: names), communicator).languages
    }
    let together = parts.reduce(into: LanguageLosses()) { $0 += $1 }.terms
    for (found, expected) in zip(together, terms) {
      #expect(found.name == expected.name && abs(found.value - expected.value) < 1e-5)
    }
    #expect(LanguageLosses().terms.isEmpty)
  }

  @Test func theLossOfCropsIsTheirMean() throws {
    let names = ["global", "global", "local"]
    let together = try run(objective() as ContrastiveObjective<Float>, CroppedPairs(crops: names))
    let all = CroppedPairs(crops: names)
    let alone = try all.crops.indices.map { number in
      let objective: ContrastiveObjective<Float> = try objective()
      return try all.withBatch { batch in
        var one = batch
        one.crops = [batch.crops[number]]
        let arena = try Arena(capacity: 1 << 30)
        objective.parameters.zeroGradients()
        objective.refresh()
        let result = try objective.accumulate(
          one, ObjectiveContext(arena: arena, communicator: SoloCommunicator()) { _ in })
        return (result.loss, objective.parameters.gradients.map(Double.init), objective.parameters)
      }
    }
    let mean = alone.reduce(0) { $0 + $1.0 } / 3
    #expect(abs(together.loss - mean) < 1e-6)
    #expect(abs(together.terms["contrastive_loss_global"]! - (alone[0].0 + alone[1].0) / 2) < 1e-6)
    #expect(abs(together.terms["contrastive_loss_local"]! - alone[2].0) < 1e-6)
    #expect(together.terms["contrastive_loss"] == together.loss)
    for parameter in alone[0].2.parameters where !parameter.name.hasSuffix("in_proj_bias") {
      let expected = (parameter.offset..<parameter.end).map { place in
        alone.reduce(0) { $0 + $1.1[place] } / 3
      }
      #expect(
        normMismatch(together.gradients[parameter.name]!, expected, tolerance: 1e-5) == nil,
        "\(parameter.name)")
    }
  }

  @Test(arguments: [1, 2, 4, 5], [1, 2]) func twoPassesGiveTheGradientsOfOne(micro: Int, crops: Int) throws {
    let pairs = CroppedPairs(crops: Array(["a", "b"].prefix(crops)))
    let one = try run(objective() as ContrastiveObjective<Float>, pairs)
    let two = try run(objective(microBatchSize: micro) as ContrastiveObjective<Float>, pairs)
    #expect(abs(one.loss - two.loss) < 1e-6 && one.terms.keys == two.terms.keys)
    #expect(difference(two, one, tolerance: 1e-5) == nil)
    #expect(two.reports == two.reports.sorted() && two.reports.last == one.reports.last)
  }

  /// The captions have 2, 3, 4, 2, 3 and 4 tokens: each alone, pairs of them, groups of one length, all at once.
  @Test(arguments: [1, 5, 8, 17, 18], [1, 2])
  func tokenBudgetsGiveTheGradientsOfOnePass(tokens: Int, crops: Int) throws {
    let pairs = CroppedPairs(crops: Array(["a", "b"].prefix(crops)))
    let one = try run(objective() as ContrastiveObjective<Float>, pairs)
    for micro in [nil, 4] {
      let some = try run(
        objective(microBatchSize: micro, microBatchTokens: tokens) as ContrastiveObjective<Float>, pairs)
      #expect(abs(one.loss - some.loss) < 1e-6)
      #expect(difference(some, one, tolerance: 1e-5) == nil)
      #expect(some.reports == some.reports.sorted() && some.reports.last == one.reports.last)
    }
  }

  @Test func worldsAgreeWhereTokensMakeOtherGroupsOnEachRank() throws {
    let alone = try run(objective() as ContrastiveObjective<Float>, CroppedPairs(crops: ["a"]))
    let found = try ThreadedCommunicator.run(worldSize: 3) { communicator in
      try run(
        objective(microBatchTokens: 5) as ContrastiveObjective<Float>,
        CroppedPairs(communicator.rank * 2..<communicator.rank * 2 + 2, crops: ["a"]), communicator)
    }
    for outcome in found {
      #expect(abs(outcome.loss - alone.loss) < 1e-6)
      #expect(difference(outcome, alone, tolerance: 1e-5) == nil)
    }
  }

  @Test func captionsAreSortedByLengthAndCutByTokens() {
    let captions = PackedCaptions(ids: Array(0..<15), offsets: [0, 4, 6, 13, 14, 15])
    let groups = CaptionGroups(captions, tokenBudget: 6)
    #expect(groups.places == [3, 4, 1, 0, 2])
    #expect(groups.ranges == [0..<3, 3..<4, 4..<5])
    #expect(groups.captions.ids == [13, 14, 4, 5, 0, 1, 2, 3] + Array(6..<13))
    #expect(groups.captions.offsets == [0, 1, 2, 4, 8, 15])
    #expect(CaptionGroups(PackedCaptions(ids: [], offsets: [0]), tokenBudget: 1).ranges.isEmpty)
  }

  @Test func aSmallMicroBatchNeedsLessMemory() throws {
    // Enough of them that attention's scratch memory, which is the same for any batch, is the smaller part.
    let pairs = CroppedPairs(0..<16, crops: ["image"])
    let one = try run(objective() as ContrastiveObjective<BFloat16>, pairs)
    let two = try run(objective(microBatchSize: 1) as ContrastiveObjective<BFloat16>, pairs)
    #expect(two.activationBytes < one.activationBytes / 2)
  }

  @Test(arguments: [2, 3]) func worldsAgreeOnCropsInTwoPasses(worldSize: Int) throws {
    let alone = try run(objective() as ContrastiveObjective<Float>, CroppedPairs(crops: ["a", "b"]))
    let found = try ThreadedCommunicator.run(worldSize: worldSize) { communicator in
      let size = 6 / communicator.worldSize
      let range = communicator.rank * size..<(communicator.rank + 1) * size
      return try run(
        objective(microBatchSize: 1) as ContrastiveObjective<Float>,
        CroppedPairs(range, crops: ["a", "b"]), communicator)
    }
    for outcome in found {
      #expect(abs(outcome.loss - alone.loss) < 1e-6)
      #expect(difference(outcome, alone, tolerance: 1e-5) == nil)
    }
  }

  @Test(
    "what is trained has the gradient it has when all is trained",
    arguments: [Freezing.blocks(0), .blocks(1), .blocks(2), .body, .tower], Precision.allCases)
  func freezing(_ freezing: Freezing, _ precision: Precision) throws {
    func check<S: ComputeScalar>(_: S.Type) throws {
      let pairs = CroppedPairs(crops: ["image"])
      let all = try run(objective() as ContrastiveObjective<S>, pairs)
      for parts in [
        DualEncoder<S>.FrozenParts(image: freezing), .init(text: freezing),
        .init(image: freezing, text: freezing, logitScale: true),
      ] {
        let objective: ContrastiveObjective<S> = try objective(frozen: parts)
        let some = try run(objective, pairs)
        #expect(abs(some.loss - all.loss) < 1e-5)
        #expect(difference(some, all, tolerance: 1e-5) == nil)
        #expect(some.gradients.count < all.gradients.count)
        #expect(some.activationBytes <= all.activationBytes)
        #expect(some.reports == some.reports.sorted())
        #expect((some.reports.last ?? 0) <= objective.parameters.trainedCount)
      }
    }
    switch precision {
    case .fp32: try check(Float.self)
    case .bf16: try check(BFloat16.self)
    }
  }

  @Test func frozenPartsHaveNoGradientNoStateAndNoPlaceInCommunication() throws {
    let objective: ContrastiveObjective<Float> = try objective(frozen: .init(image: .tower))
    let parameters = objective.parameters
    let optimizer = Optimizer(parameters, settings: OptimizerSettings())
    let texts = parameters.declared.filter { !$0.name.hasPrefix("visual.") }
    #expect(parameters.trainedParameterCount == texts.reduce(0) { $0 + $1.count })
    #expect(
      parameters.gradients.count == parameters.trainedCount && optimizer.m.count == parameters.trainedCount)
    #expect(optimizer.v.count < parameters.count / 2 + parameters.count / 4)
    let before = parameters.declared.filter { !$0.isTrainable }.map { parameter in
      (0..<parameter.count).map { parameter.value[$0] }
    }
    let step = try TrainStep(
      objective: objective, optimizer: optimizer, schedule: .warmupCosine(lr: 1e-2, warmup: 0, steps: 9),
      gradClipNorm: nil, bucketBytes: 4096, communicator: SoloCommunicator())
    let losses = try CroppedPairs(crops: ["image"]).withBatch { batch in
      try (0..<4).map { try step.run(batch, index: $0).loss }
    }
    #expect(losses[3] < losses[0])
    let after = parameters.declared.filter { !$0.isTrainable }.map { parameter in
      (0..<parameter.count).map { parameter.value[$0] }
    }
    #expect(before == after && !before.isEmpty)
  }
}
