import Basics
import Foundation
import Kernels
import ShardStream
import Tokenization
import Towers
import Training

/// A trained model that turns pictures and captions into features, whatever its precision.
package protocol FeatureEncoder {
  var config: ModelConfig { get }
  /// pixels: B × 3 × S × S normalised values → B × D, not normalised.
  func imageFeatures(_ pixels: [Float], count: Int) -> [Float]
  /// B captions → B × D, not normalised.
  func textFeatures(_ captions: [String]) -> [Float]
}

/// What makes up a model on disk: its sizes, its weights, its tokenizer.
package struct ModelFiles: Sendable {
  package var config: String
  package var weights: String
  package var tokenizer: String

  package init(config: String, weights: String, tokenizer: String) {
    (self.config, self.weights, self.tokenizer) = (config, weights, tokenizer)
  }

  /// The three files of a checkpoint's directory.
  package init(checkpoint: String) {
    self.init(
      config: "\(checkpoint)/model.json", weights: "\(checkpoint)/model.safetensors",
      tokenizer: "\(checkpoint)/tokenizer.json")
  }

  package func encoder(_ precision: Precision) throws -> any FeatureEncoder {
    switch precision {
    case .fp32: try TowerEncoder<Float>(self)
    case .bf16: try TowerEncoder<BFloat16>(self)
    }
  }
}

/// The towers of one precision, without memory for gradients.
final class TowerEncoder<S: ComputeScalar>: FeatureEncoder {
  private let model: DualEncoder<S>
  private let tokenizer: any Tokenizer
  private let arena: Arena

  init(_ files: ModelFiles) throws {
    model = try DualEncoder(try ModelFile.load(files.config), training: false)
    try WeightFile.load(URL(fileURLWithPath: files.weights), into: model.parameters)
    model.refresh(training: false)
    tokenizer = try Tokenizers.load(files.tokenizer)
    guard tokenizer.vocabSize <= model.config.text.vocabSize else {
      throw KelipError(
        "the tokenizer has \(tokenizer.vocabSize) ids, the model's vocab_size is \(model.config.text.vocabSize)",
        at: files.tokenizer, hint: "give the tokenizer that the model was trained with")
    }
    arena = try Arena()
  }

  var config: ModelConfig { model.config }

  func imageFeatures(_ pixels: [Float], count: Int) -> [Float] {
    precondition(pixels.count == count * 3 * config.vision.imageSize * config.vision.imageSize)
    return features(count) {
      try model.encodeImages(
        ImageBatch(pixels, count: count, size: config.vision.imageSize), into: $0,
        TowerPass(.inference, arena))
    }
  }

  func textFeatures(_ captions: [String]) -> [Float] {
    var (ids, offsets) = ([Int32](), [Int32(0)])
    for caption in captions {
      ids += tokenizer.encodeCaption(caption, contextLength: config.text.contextLength)
      offsets.append(Int32(ids.count))
    }
    let packed = PackedCaptions(ids: ids, offsets: offsets)
    return features(captions.count) { try model.encodeTexts(packed, into: $0, TowerPass(.inference, arena)) }
  }

  private func features(_ count: Int, _ encode: (UnsafeMutablePointer<Float>) throws -> Void) -> [Float] {
    guard count > 0 else { return [] }
    return arena.scratch {
      [Float](unsafeUninitializedCapacity: count * config.embedDim) { buffer, filled in
        // Only sums over ranks can fail, and inference has none.
        try! encode(buffer.baseAddress!)
        filled = count * config.embedDim
      }
    }
  }
}
