import Basics
import Collectives
import Configuration
import Foundation
import Kernels
import Objectives
import TestSupport
import Testing
import TinyRun
import Towers

@testable import Training

/// Some of six pictures of 16 × 16 pixels, one view each.
private func withPictures<R>(
  _ range: Range<Int> = 0..<6, step: Int = 4, _ body: (TrainBatch) throws -> R
) rethrows -> R {
  let pixels = range.flatMap { seededFloats(3 * 16 * 16, seed: UInt64(100 + $0)) }
  return try pixels.withUnsafeBufferPointer { buffer in
    let images = ImageBatch(buffer.baseAddress!, count: range.count, size: 16)
    return try body(
      TrainBatch(
        crops: [.init(name: "image", images: images)], captions: PackedCaptions(ids: [], offsets: [0]),
        step: step, firstSlot: range.lowerBound))
  }
}

@Suite("The stage of masked autoencoding")
struct MAEObjectiveTests {
  private struct Outcome: Sendable {
    var loss: Double
    var gradients: [Double]
    var reports: [Int]
  }

  private func run(
    _ range: Range<Int> = 0..<6, microBatchSize: Int? = nil, seed: UInt64 = 1, step: Int = 4,
    _ communicator: any Communicator = SoloCommunicator()
  ) throws -> Outcome {
    let model = try MaskedAutoencoder<Float>(
      ModelFile.parse(TinyRun.model, source: "model"),
      MAEConfig(decoderWidth: 24, decoderLayers: 1, decoderHeads: 2), normalization: .clip)
    model.parameters.initialise(seed: 5)
    let objective = MAEObjective(model: model, seed: seed, microBatchSize: microBatchSize)
    objective.refresh()
    let arena = try Arena(capacity: 1 << 30)
    nonisolated(unsafe) var reports: [Int] = []
    let result = try withPictures(range, step: step) { batch in
      try objective.accumulate(
        batch, ObjectiveContext(arena: arena, communicator: communicator) { reports.append($0) })
    }
    #expect(result.terms.map(\.name) == ["mae_loss"] && result.terms[0].value == result.loss)
    try communicator.allReduceSum(model.parameters.gradients)
    return Outcome(
      loss: result.loss, gradients: model.parameters.gradients.map { Double($0) }, reports: reports)
  }

  @Test("any number of ranks gives the loss and gradients of one", arguments: [2, 3])
  func worlds(_ worldSize: Int) throws {
    let alone = try run()
    let found = try ThreadedCommunicator.run(worldSize: worldSize) { communicator in
      let size = 6 / communicator.worldSize
      return try run(communicator.rank * size..<(communicator.rank + 1) * size, communicator)
    }
    for outcome in found {
      #expect(abs(outcome.loss - alone.loss) <= 1e-6 * alone.loss)
      #expect(normMismatch(outcome.gradients, alone.gradients, tolerance: 1e-5) == nil)
    }
  }

  @Test("micro-batches give the loss and gradients of one pass", arguments: [1, 4, 5, 6, 9])
  func microBatches(_ size: Int) throws {
    let (one, many) = (try run(), try run(microBatchSize: size))
    #expect(abs(many.loss - one.loss) <= 1e-6 * one.loss)
    #expect(normMismatch(many.gradients, one.gradients, tolerance: 1e-5) == nil)
    #expect(many.reports == one.reports && one.reports == one.reports.sorted())
  }

  @Test("seed and step decide what is masked")
  func draws() throws {
    let losses = try [run(), run(), run(seed: 2), run(step: 5)].map(\.loss)
    #expect(losses[0] == losses[1] && Set(losses).count == 3)
  }
}

@Suite("Patch dropout in contrastive training")
struct PatchDropoutTests {
  private let dropout = PatchDropout(fraction: 0.5, seed: 3, patchSize: 8)

  @Test("half of the patches of every crop, each drawn for itself")
  func crops() {
    withPictures { batch in
      var two = batch
      two.crops = Array(repeating: batch.crops[0], count: 6)
      let kept = dropout(two).crops.map { $0.images.keptPatches! }
      #expect(kept.allSatisfy { $0.perImage == 2 && $0.indices.count == 12 })
      #expect(Set(kept.map(\.indices)).count == 6)
    }
  }

  @Test("a rank's slice keeps what the whole batch keeps there")
  func slices() throws {
    let whole = withPictures { dropout($0).crops[0].images.keptPatches! }
    let parts = [0..<2, 2..<5, 5..<6].map { range in
      withPictures(range) { dropout($0).crops[0].images.keptPatches!.indices }
    }
    #expect(whole.indices == parts.flatMap(\.self))
  }

  @Test("two passes give the gradients of one", arguments: [1, 4])
  func twoPasses(_ microBatchSize: Int) throws {
    let results = try [nil, microBatchSize].map { size in
      let model = try DualEncoder<Float>(ModelFile.parse(TinyRun.model, source: "model"))
      model.parameters.initialise(seed: 5)
      let objective = ContrastiveObjective(
        model: model, loss: GlobalContrastive(), options: .init(microBatchSize: size, patchDropout: dropout))
      objective.refresh()
      let arena = try Arena(capacity: 1 << 30)
      return try withPictures { batch in
        var pairs = batch
        pairs.captions = PackedCaptions(
          ids: (0..<6).flatMap { [257, Int32(3 + $0), 299] }, offsets: (0...6).map { Int32(3 * $0) })
        let result = try objective.accumulate(
          pairs, ObjectiveContext(arena: arena, communicator: SoloCommunicator()) { _ in })
        return (result.loss, model.parameters.gradients.map { Double($0) })
      }
    }
    #expect(abs(results[0].0 - results[1].0) < 1e-6)
    #expect(normMismatch(results[1].1, results[0].1, tolerance: 1e-5) == nil)
  }
}

@Suite("A run with a stage of masked autoencoding")
struct MAERunTests {
  private static let stages = [
    "stages=[mae, contrastive]", "mae.steps=6", "mae.lr=2e-3", "mae.decoder_layers=1",
  ]

  @Test("its loss falls, and the next stage starts from its tower", arguments: [1, 2])
  func twoStages(_ worldSize: Int) throws {
    let tiny = try TinyRun()
    let name = "stages-\(worldSize)"
    try tiny.train(
      name, Self.stages[0], Self.stages[1], Self.stages[2], Self.stages[3], "optimizer.lr=0",
      worldSize: worldSize)
    let run = try tiny.finished(name)
    #expect(run.steps == Array(1...14))
    let losses = run.values("mae_loss")
    #expect(losses.count == 6 && losses.allSatisfy(\.isFinite) && losses[5] < losses[0])
    #expect(run.values("contrastive_loss").count == 8)
    // A rate of 0 keeps the tower as the first stage left it.
    let (mae, end) = (try towers(run, step: 6), try towers(run, step: 14))
    #expect(!mae.isEmpty && mae == end)
    #expect(
      FileManager.default.fileExists(
        atPath: checkpoint(6, in: run.folder).appendingPathComponent("heads.safetensors").path))
    #expect(
      !FileManager.default.fileExists(
        atPath: checkpoint(14, in: run.folder).appendingPathComponent("heads.safetensors").path))
  }

  @Test("its losses do not depend on the number of ranks")
  func worlds() throws {
    let tiny = try TinyRun()
    let runs = try [1, 2, 3].map { worldSize in
      try tiny.train(
        "world-\(worldSize)", Self.stages[0], Self.stages[1], Self.stages[2], Self.stages[3],
        worldSize: worldSize)
      return try tiny.finished("world-\(worldSize)")
    }
    for run in runs {
      #expect(mismatch(run.values("loss"), runs[0].values("loss"), tolerance: 1e-5) == nil)
      #expect(run.keys == runs[0].keys)
    }
  }

  @Test(
    "what does not fit the model is found before the first step",
    arguments: [
      ("mae.decoder_width=13", "mae.decoder_width"), ("mae.decoder_heads=5", "mae.decoder_heads"),
    ])
  func misfits(_ override: String, _ key: String) throws {
    let tiny = try TinyRun()
    let error = try #require(throws: KelipError.self) {
      try tiny.train("misfit", "stages=[mae]", "mae.steps=1", override, dryRun: true)
    }
    #expect(error.location == key)
  }

  private func towers(_ run: FinishedRun, step: Int) throws -> [String: [Float]] {
    let model = try DualEncoder<Float>(ModelFile.parse(TinyRun.model, source: "model"), training: false)
    let visual = model.parameters.declared.filter { $0.name.hasPrefix("visual.") }
    let url = checkpoint(step, in: run.folder).appendingPathComponent("model.safetensors")
    let wanted = step == 6 ? visual : model.parameters.declared
    try WeightFile.load(url, into: wanted)
    return Dictionary(
      uniqueKeysWithValues: visual.map { parameter in
        (parameter.name, (0..<parameter.count).map { parameter.value[$0] })
      })
  }
}

@Suite("Section mae")
struct MAEConfigTests {
  private func config(_ overrides: String...) throws -> TrainConfig {
    let text = """
      run: {directory: out}
      model: {config: m.yaml}
      data: {train: shards, tokenizer: t.json, global_batch_size: 512}
      optimizer: {steps: 100}
      """
    let reader = try ConfigReader(yaml: text, source: "run.yaml", overrides: overrides)
    return try TrainConfig(reader, relativeTo: URL(fileURLWithPath: "/absent"))
  }

  private let model = try! ModelFile.parse(TinyRun.model, source: "model")

  @Test("is read where a stage needs it, and then needs its steps")
  func presence() throws {
    #expect(try config().mae == nil)
    let error = try #require(throws: KelipError.self) { try config("stages=[mae]") }
    #expect(error.location == "run.yaml: mae.steps")
    #expect(try config("mae.steps=7").mae?.steps == 7)
  }

  @Test("the defaults are KELIP's decoder and He et al.'s recipe")
  func defaults() throws {
    let config = try config("stages=[mae, contrastive]", "mae.steps=400")
    let mae = try #require(config.mae)
    #expect(
      mae.model(for: model)
        == MAEConfig(
          maskedFraction: 0.75, target: .pixels, decoderWidth: 24, decoderLayers: 8, decoderHeads: 1,
          isCausal: false, hasClassToken: false, decoderInput: .projection))
    #expect(mae.schedule == .init(lr: 3e-4, warmup: 20, steps: 400))
    #expect(mae.optimizer == .init(beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.05))
    #expect(mae.augmentation == AugmentationSettings(scale: 0.2...1, flip: 0.5))
    let stages = config.stageSettings
    #expect(stages.map(\.kind) == [.mae, .contrastive])
    #expect(stages[0].train == config.train && stages[0].globalBatchSize == 512)
  }

  @Test("He et al.'s definition and data of its own")
  func others() throws {
    let config = try config(
      "stages=[mae]", "mae.steps=4", "mae.target=normalised_pixels", "mae.class_token=true",
      "mae.decoder_input=linear", "mae.decoder_width=128", "mae.causal=true", "mae.train=[pictures]",
      "mae.global_batch_size=64")
    let mae = try #require(config.mae).model(for: model)
    #expect(
      mae.target == .normalisedPixels && mae.hasClassToken && mae.decoderInput == .linear && mae.isCausal)
    #expect(mae.decoderWidth == 128 && mae.decoderHeads == 2)
    #expect(config.stageSettings[0].train == [TrainEntry(name: "all", shards: ["pictures"])])
    #expect(config.stageSettings[0].globalBatchSize == 64)
  }
}
