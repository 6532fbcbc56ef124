import Basics
import Checkpointing
import Foundation
import Imaging
import Kernels
import Testing
import TinyRun
import Tokenization
import Towers
import Training

@testable import Evaluation

/// A tiny model with seeded weights on disk, beside shards of pairs.
private struct TinyModel {
  let tiny: TinyRun
  let files: ModelFiles
  let model: DualEncoder<Float>
  let tokenizer: any Tokenizer

  init() throws {
    tiny = try TinyRun(sampleCount: 13)
    files = ModelFiles(
      config: tiny.modelPath, weights: tiny.path("w.safetensors"), tokenizer: tiny.tokenizerPath)
    model = try DualEncoder<Float>(try ModelFile.load(tiny.modelPath))
    model.parameters.initialise(seed: 9)
    tokenizer = try Tokenizers.load(tiny.tokenizerPath)
    let parameters = model.parameters.parameters
    let writer = try SafetensorsWriter(
      tiny.url("w.safetensors"), tensors: parameters.map { TensorSpec($0.name, .float32, $0.shape) })
    for parameter in parameters {
      try writer.append(UnsafeBufferPointer(start: parameter.value, count: parameter.count))
    }
    try writer.finish()
    model.refresh()
  }

  /// The training-mode features of these pairs, all in one batch.
  func trainingFeatures(pixels: [Float], captions: [String]) throws -> (images: [Float], texts: [Float]) {
    let arena = try Arena(capacity: 1 << 30)
    var images = [Float](repeating: .nan, count: captions.count * model.config.embedDim)
    var texts = images
    let ids = captions.map { tokenizer.encodeCaption($0, contextLength: model.config.text.contextLength) }
    let packed = PackedCaptions(
      ids: ids.flatMap(\.self), offsets: ids.reduce(into: [0]) { $0.append($0.last! + Int32($1.count)) })
    let batch = ImageBatch(pixels, count: captions.count, size: model.config.vision.imageSize)
    try model.encodeImages(batch, into: &images, TowerPass(.training, arena))
    try model.encodeTexts(packed, into: &texts, TowerPass(.training, arena))
    return (images, texts)
  }
}

@Suite struct FeatureEncoderTests {
  private func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count, a.allSatisfy(\.isFinite) else { return .infinity }
    return zip(a, b).map { abs($0 - $1) }.max() ?? 0
  }

  private func pixels(_ count: Int) -> [Float] {
    var generator = SeededGenerator(seed: UInt64(count))
    return (0..<count * 3 * 16 * 16).map { _ in Float(generator.nextNormal()) }
  }

  @Test(arguments: [1, 2, 5]) func inferenceGivesTheFeaturesOfTraining(count: Int) throws {
    let tinyModel = try TinyModel()
    let captions = (0..<count).map { $0 == 3 ? "" : "그림 \($0 * $0 * $0) caption" }
    let expected = try tinyModel.trainingFeatures(pixels: pixels(count), captions: captions)
    let encoder = try tinyModel.files.encoder(.fp32)
    let images = encoder.imageFeatures(pixels(count), count: count)
    #expect(largestDifference(images, expected.images) < 1e-5)
    #expect(largestDifference(encoder.textFeatures(captions), expected.texts) < 1e-5)
    // A second call is not disturbed by what the first left.
    #expect(encoder.imageFeatures(pixels(count), count: count) == images)
    let rounded = try tinyModel.files.encoder(.bf16).imageFeatures(pixels(count), count: count)
    let scale = expected.images.map(abs).max() ?? 0
    #expect(largestDifference(rounded, expected.images) < 0.05 * scale)
    #expect(rounded != images)
  }

  @Test func nothingGivesNothing() throws {
    let tinyModel = try TinyModel()
    let encoder = try tinyModel.files.encoder(.fp32)
    #expect(encoder.imageFeatures([], count: 0).isEmpty)
    #expect(encoder.textFeatures([]).isEmpty)
    #expect(encoder.textFeatures(texts: []).isEmpty)
  }

  @Test func manyTextsKeepTheirOrder() throws {
    let tinyModel = try TinyModel()
    let encoder = try tinyModel.files.encoder(.fp32)
    let texts = (0..<131).map { "caption \($0)" }
    let all = encoder.textFeatures(texts: texts)
    for index in [0, 1, 63, 64, 65, 127, 128, 130] {
      let alone = encoder.textFeatures([texts[index]])
      #expect(largestDifference(Array(all[index * 24..<(index + 1) * 24]), alone) < 1e-5)
    }
  }

  @Test func pairsOfShardsKeepTheirOrder() throws {
    let tinyModel = try TinyModel()
    let encoder = try tinyModel.files.encoder(.fp32)
    let result = try PairEmbedding(encoder, shards: [tinyModel.tiny.path("train")], threads: 2).embed()
    // Shard after shard, as they lie there.
    let order = (0..<3).flatMap { shard in (0..<13).filter { $0 % 3 == shard } }
    #expect(result.keys == order.map { "k\($0)" })
    #expect(result.captions == order.map(TinyRun.caption))
    #expect(result.skipped.isEmpty && result.numbers == Array(0..<13))
    for (row, number) in order.enumerated() {
      let text = encoder.textFeatures([TinyRun.caption(number)])
      #expect(largestDifference(Array(result.features.texts[row * 24..<(row + 1) * 24]), text) < 1e-5)
      let file = tinyModel.tiny.url("one.png")
      try Data(PNGCodec.encode(TinyRun.picture(number))).write(to: file)
      let image = try encoder.imageFeatures(files: [file.path])
      #expect(largestDifference(Array(result.features.images[row * 24..<(row + 1) * 24]), image) < 1e-5)
    }
    let first = try PairEmbedding(encoder, shards: [tinyModel.tiny.path("train")], threads: 1).embed(limit: 5)
    #expect(first.keys == Array(result.keys[..<5]))
  }

  @Test func filesThatAreNoPicturesAreNamed() throws {
    let tinyModel = try TinyModel()
    let encoder = try tinyModel.files.encoder(.fp32)
    try Data("no picture".utf8).write(to: tinyModel.tiny.url("a.png"))
    for name in ["a.png", "absent.png"] {
      let path = tinyModel.tiny.path(name)
      let error = #expect(throws: KelipError.self) { try encoder.imageFeatures(files: [path]) }
      #expect(error?.location == path)
    }
  }

  @Test func filesOfAnotherModelAreRefused() throws {
    let tinyModel = try TinyModel()
    var files = tinyModel.files
    try Data(TinyRun.model.replacingOccurrences(of: "layers: 2", with: "layers: 1").utf8)
      .write(to: tinyModel.tiny.url("other.yaml"))
    files.config = tinyModel.tiny.path("other.yaml")
    #expect(throws: KelipError.self) { try files.encoder(.fp32) }
    files = tinyModel.files
    try BytePairTrainer(vocabSize: 400).train(on: (0..<400).map { "word\($0) word\($0 + 1)" }).json()
      .write(to: tinyModel.tiny.url("large.json"))
    files.tokenizer = tinyModel.tiny.path("large.json")
    let error = #expect(throws: KelipError.self) { try files.encoder(.fp32) }
    #expect(error?.location == files.tokenizer && error?.message.contains("vocab_size is 300") == true)
  }

  @Test func aLanguageThatIsNotThereIsAnError() throws {
    let tinyModel = try TinyModel()
    let embedding = try PairEmbedding(
      try tinyModel.files.encoder(.fp32), shards: [tinyModel.tiny.path("train")], threads: 1)
    let error = #expect(throws: KelipError.self) {
      try RetrievalEvaluation(embedding, set: "train", language: "ko", pairs: nil)
    }
    #expect(error?.message.contains("ko") == true)
  }
}
