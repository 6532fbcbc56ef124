import Basics
import Checkpointing
import Foundation
import Kernels
import Testing
import TestSupport
import TinyRun
import Towers

@testable import Training

@Suite("Weights of towers")
struct TowerWeightsTests {
  private static func model(pooling: String = "pooler", embedDim: Int = 24) throws -> ModelConfig {
    try ModelFile.parse(
      """
      embed_dim: \(embedDim)
      vision_cfg: {image_size: 16, patch_size: 8, width: 32, layers: 1, head_width: 16}
      text_cfg: {type: bert, context_length: 12, vocab_size: 300, width: 16, heads: 2, layers: 2, max_positions: 14,
                 pooling: \(pooling)}
      """, source: "model")
  }

  private func encoder(_ model: ModelConfig, seed: UInt64) throws -> DualEncoder<Float> {
    let encoder = try DualEncoder<Float>(model)
    encoder.parameters.initialise(seed: seed)
    return encoder
  }

  /// Some of a model's tensors under other names.
  private func write(
    _ encoder: DualEncoder<Float>, to url: URL, _ name: (String) -> String?, extra: [TensorSpec] = []
  ) throws {
    let named = encoder.parameters.declared.compactMap { parameter in
      name(parameter.name).map { ($0, parameter) }
    }
    let specs = named.map { TensorSpec($0.0, .float32, $0.1.shape) } + extra
    let writer = try SafetensorsWriter(url, tensors: specs)
    for (_, parameter) in named {
      try writer.append(UnsafeBufferPointer(start: parameter.value, count: parameter.count))
    }
    for spec in extra { try writer.append([UInt8](repeating: 0, count: spec.byteCount)) }
    try writer.finish()
  }

  /// Hugging Face's name, with the spelling of old files.
  private static func oldBERT(_ name: String) -> String? {
    NameMap.huggingFaceBERT.outside(name).map {
      "bert.\($0)".replacingOccurrences(of: "LayerNorm.weight", with: "LayerNorm.gamma")
        .replacingOccurrences(of: "LayerNorm.bias", with: "LayerNorm.beta")
    }
  }

  private func values(_ encoder: DualEncoder<Float>, _ prefix: String) -> [String: [Float]] {
    let named = encoder.parameters.declared.filter { $0.name.hasPrefix(prefix) }
    return Dictionary(
      uniqueKeysWithValues: named.map {
        ($0.name, Array(UnsafeBufferPointer(start: $0.value, count: $0.count)))
      })
  }

  @Test(
    "an old BERT fills the text tower; the last layer starts afresh, heads are not used, and all of it is told"
  )
  func bert() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let (source, target) = (try encoder(Self.model(), seed: 1), try encoder(Self.model(), seed: 2))
    let before = values(target, "")
    let url = tiny.url("bert.safetensors")
    try write(
      source, to: url, Self.oldBERT,
      extra: [
        TensorSpec("cls.predictions.bias", .float32, [300]),
        TensorSpec("bert.embeddings.position_ids", .int32, [1, 14]),
      ])
    var log: [String] = []
    try InitialWeights(textTower: url.path).fill(target.parameters.declared) { log.append($0) }
    for (name, expected) in values(source, "text.") {
      let isFresh = name.hasPrefix("text.projection.")
      #expect(values(target, name)[name] == (isFresh ? before[name] : expected), "\(name)")
    }
    #expect(values(target, "visual.") == before.filter { $0.key.hasPrefix("visual.") })
    #expect(log[0].hasPrefix("text tower from \(url.path) (huggingface-bert): 39 tensors"))
    #expect(
      Set(log[1...]) == [
        "  starts afresh: missing text.projection.weight [24, 16]",
        "  starts afresh: missing text.projection.bias [24]", "  not used: cls.predictions.bias",
        "  not used: bert.embeddings.position_ids",
      ])
  }

  @Test("a pooler that the model has no use for is told, another tensor is refused")
  func surplus() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let (source, target) = (
      try encoder(Self.model(), seed: 1), try encoder(Self.model(pooling: "mean"), seed: 2)
    )
    let url = tiny.url("bert.safetensors")
    try write(source, to: url, Self.oldBERT)
    var log: [String] = []
    try InitialWeights(textTower: url.path).fill(target.parameters.declared) { log.append($0) }
    #expect(log.contains("  not used: bert.pooler.dense.bias [16]"))
    try write(source, to: url, Self.oldBERT, extra: [TensorSpec("bert.encoder.layer.2.x", .float32, [1])])
    let error = #expect(throws: KelipError.self) {
      try InitialWeights(textTower: url.path).fill(target.parameters.declared) { _ in }
    }
    #expect(error?.message.contains("unknown tensor bert.encoder.layer.2.x") == true)
  }

  @Test("a tower of a whole CLIP model fills that tower alone, into another joint space, too")
  func imageTower() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let (source, target) = (
      try encoder(Self.model(embedDim: 8), seed: 1), try encoder(Self.model(), seed: 2)
    )
    let before = values(target, "")
    try write(source, to: tiny.url("w.safetensors")) { $0 }
    var log: [String] = []
    try InitialWeights(imageTower: tiny.path("w.safetensors")).fill(target.parameters.declared) {
      log.append($0)
    }
    var expected = before.merging(values(source, "visual.")) { $1 }
    expected["visual.proj"] = before["visual.proj"]
    #expect(values(target, "") == expected)
    #expect(log[1] == "  starts afresh: visual.proj is [32, 8], the model needs [32, 24]")
  }

  @Test("the towers' files have the last word over the model's; a stage of one tower takes that alone")
  func order() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let (whole, tower) = (try encoder(Self.model(), seed: 1), try encoder(Self.model(), seed: 2))
    try write(whole, to: tiny.url("whole.safetensors")) { $0 }
    try write(tower, to: tiny.url("tower.safetensors")) { $0.hasPrefix("visual.") ? $0 : nil }
    let files = InitialWeights(
      model: tiny.path("whole.safetensors"), imageTower: tiny.path("tower.safetensors"))
    let target = try encoder(Self.model(), seed: 3)
    try files.fill(target.parameters.declared) { _ in }
    #expect(values(target, "visual.") == values(tower, "visual."))
    #expect(values(target, "text.") == values(whole, "text."))
    let alone = try encoder(Self.model(), seed: 3)
    let before = values(alone, "text.")
    try InitialWeights(model: tiny.path("whole.safetensors"), textTower: "/absent")
      .fill(alone.parameters.declared.filter { $0.name.hasPrefix("visual.") }) { _ in }
    #expect(values(alone, "visual.") == values(whole, "visual.") && values(alone, "text.") == before)
  }

  @Test("a file of another tower is refused by what is missing")
  func otherTower() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let model = try encoder(Self.model(), seed: 1)
    try write(model, to: tiny.url("bert.safetensors"), Self.oldBERT)
    let error = #expect(throws: KelipError.self) {
      try InitialWeights(imageTower: tiny.path("bert.safetensors")).fill(model.parameters.declared) { _ in }
    }
    #expect(error?.message.contains("missing visual.conv1.weight") == true)
  }

  @Test("batch norm's counts are 64-bit integers in a file, and come before floats")
  func counts() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let registry = ParameterRegistry()
    let weight = registry.add("visual.bn1.weight", [3], decays: false, .constant(1))
    let count = registry.addStatistic("visual.bn1.num_batches_tracked", [], startingAt: 0)
    let arena = ParameterArena(registry)
    arena.initialise(seed: 0)
    count.value.pointee = 12345
    let tensors = ParameterTensors(arena.declared)
    #expect(tensors.tensors.map(\.type) == [.int64, .float32])
    let image = SafetensorsImage(tensors: tensors.tensors)
    tensors.copy(into: image)
    _ = try image.write("w.safetensors", in: tiny.url("w.safetensors").deletingLastPathComponent())
    (count.value.pointee, weight.value.pointee) = (0, 0)
    try WeightFile.load(tiny.url("w.safetensors"), into: arena.declared)
    #expect(count.value.pointee == 12345 && weight.value.pointee == 1)
  }

  @Test("a run starts from a BERT and trains it, on any number of ranks", arguments: [nil, 2] as [Int?])
  func run(worldSize: Int?) throws {
    let tiny = try TinyRun()
    let model = try Self.model()
    try ModelFile.json(model).write(to: tiny.url("bert.json"))
    try write(encoder(model, seed: 1), to: tiny.url("bert.safetensors"), Self.oldBERT)
    let name = "bert-\(worldSize ?? 0)"
    let codes = try tiny.train(
      name, "model.config=\(tiny.path("bert.json"))", "model.init_text_from=\(tiny.path("bert.safetensors"))",
      "optimizer.steps=3", worldSize: worldSize)
    #expect(codes.allSatisfy { $0 == .done })
    let run = try tiny.finished(name)
    #expect(run.values("loss").count == 3 && run.values("grad_norm").allSatisfy { $0 > 0 })
  }
}
