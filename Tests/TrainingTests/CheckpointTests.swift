import Basics
import Checkpointing
import Foundation
import Kernels
import Testing
import TestSupport
import TinyRun
import Tokenization
import Towers

@testable import Training

@Suite struct WeightFileTests {
  private typealias Entry = (spec: TensorSpec, values: [Float])

  /// Seeded weights of the small model, first layer first.
  private func weights(prefix: String = "") throws -> [Entry] {
    let small = try SmallModel<Float>(seed: 5, randomMoments: true)
    return small.model.parameters.parameters.reversed().map {
      (
        TensorSpec(prefix + $0.name, .float32, $0.shape),
        Array(UnsafeBufferPointer(start: $0.value, count: $0.count))
      )
    }
  }

  private func write(_ entries: [Entry], to url: URL) throws {
    let writer = try SafetensorsWriter(url, tensors: entries.map(\.spec))
    for entry in entries { try writer.append(entry.values) }
    try writer.finish()
  }

  private func load(_ entries: [Entry]) throws -> SmallModel<Float> {
    let tiny = try TinyRun(sampleCount: 3)
    try write(entries, to: tiny.url("w.safetensors"))
    let small = try SmallModel<Float>(seed: 6)
    try WeightFile.load(tiny.url("w.safetensors"), into: small.model.parameters)
    return small
  }

  @Test(arguments: ["", "model."]) func everyParameterIsFilled(prefix: String) throws {
    let entries = try weights(prefix: prefix)
    let small = try load(entries)
    for (parameter, entry) in zip(small.model.parameters.parameters.reversed(), entries) {
      #expect(Array(UnsafeBufferPointer(start: parameter.value, count: parameter.count)) == entry.values)
    }
  }

  @Test func everythingThatDoesNotFitIsListed() throws {
    var entries = try weights()
    entries.removeAll { $0.spec.name == "visual.proj" || $0.spec.name == "logit_scale" }
    let index = try #require(entries.firstIndex { $0.spec.name == "text_projection" })
    entries[index] = (TensorSpec("text_projection", .float32, [2, 3]), [Float](repeating: 0, count: 6))
    entries.append((TensorSpec("surplus", .float32, [1]), [0]))
    let error = #expect(throws: KelipError.self) { try load(entries) }
    let message = try #require(error?.message)
    for part in [
      "missing visual.proj [32, 24]", "missing logit_scale []",
      "text_projection is [2, 3], the model needs [24, 24]",
      "unknown tensor surplus",
    ] { #expect(message.contains(part), "\(message)") }
    #expect(error?.location?.hasSuffix("w.safetensors") == true)
  }

  @Test func aLongListIsCut() throws {
    let entries = [TensorSpec("x", .float32, []), TensorSpec("logit_scale", .float32, [])].map {
      ($0, [Float(0)])
    }
    let error = #expect(throws: KelipError.self) { try load(entries) }
    let total = try weights().count
    #expect(error?.message.contains("… and \(total - 12) more") == true)
  }

  @Test func otherTypesAreRefused() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let entries = try weights()
    let writer = try SafetensorsWriter(
      tiny.url("w.safetensors"),
      tensors: entries.map { TensorSpec($0.spec.name, .int32, $0.spec.shape) })
    for entry in entries { try writer.append(entry.values) }
    try writer.finish()
    let small = try SmallModel<Float>(seed: 6)
    #expect(throws: KelipError.self) {
      try WeightFile.load(tiny.url("w.safetensors"), into: small.model.parameters)
    }
  }
}

@Suite struct RunCheckpointTests {
  private func save(_ small: SmallModel<Float>, _ state: RunState, _ tiny: TinyRun) throws -> URL {
    let tokenizer = try Tokenizers.load(tiny.tokenizerPath)
    let directory = CheckpointDirectory(root: tiny.url("run"))
    try saveCheckpoint(
      state, small.model.parameters, small.optimizer, model: small.model.config, tokenizer, in: directory)
    return directory.url(step: state.step)
  }

  private static let state = RunState(step: 17, updates: 15, samplesSeen: 102, worldSize: 3)

  @Test func everyBitComesBack() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let saved = try SmallModel<Float>(seed: 11, randomMoments: true)
    let url = try save(saved, Self.state, tiny)
    let loaded = try SmallModel<Float>(seed: 12)
    #expect(loaded.bits != saved.bits)
    #expect(try RunCheckpoint.load(url, into: loaded.model.parameters, loaded.optimizer) == Self.state)
    #expect(loaded.bits == saved.bits)
    #expect(loaded.optimizer.step == 15, "skipped updates do not count")
  }

  @Test func otherProgramsFindWhatTheyNeed() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let small = try SmallModel<Float>(seed: 11)
    let url = try save(small, Self.state, tiny)
    let reader = try SafetensorsReader(url.appendingPathComponent("model.safetensors"))
    #expect(reader.tensors.map(\.name) == small.model.parameters.parameters.reversed().map(\.name))
    #expect(reader.tensors.allSatisfy { $0.type == .float32 })
    #expect(try ModelFile.load(url.appendingPathComponent("model.json").path) == small.model.config)
    #expect(
      try Data(contentsOf: url.appendingPathComponent("tokenizer.json"))
        == Data(contentsOf: URL(fileURLWithPath: tiny.tokenizerPath)))
    try CheckpointDirectory.verify(url)
  }

  @Test(arguments: ["state.json", "optimizer-00001-of-00001.safetensors", "model.safetensors"])
  func aMissingFileIsNamed(name: String) throws {
    let tiny = try TinyRun(sampleCount: 3)
    let small = try SmallModel<Float>(seed: 11)
    let url = try save(small, Self.state, tiny)
    try FileManager.default.removeItem(at: url.appendingPathComponent(name))
    let error = #expect(throws: KelipError.self) {
      try RunCheckpoint.load(url, into: small.model.parameters, small.optimizer)
    }
    #expect(error?.location?.contains(name) == true)
  }
}
