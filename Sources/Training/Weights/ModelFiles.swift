import Basics
import Evaluation
import Foundation
import Kernels
import Tokenization
import Towers

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

  /// The model without memory for gradients.
  package func encoder(_ precision: Precision) throws -> any FeatureEncoder {
    switch precision {
    case .fp32: try encoder(of: Float.self)
    case .bf16: try encoder(of: BFloat16.self)
    }
  }

  private func encoder<S: ComputeScalar>(of _: S.Type) throws -> TowerEncoder<S> {
    let model = try DualEncoder<S>(try ModelFile.load(config), training: false)
    try WeightFile.load(URL(fileURLWithPath: weights), into: model.parameters)
    model.refresh(training: false)
    let tokenizer = try Tokenizers.load(self.tokenizer)
    guard tokenizer.vocabSize <= model.config.text.vocabSize else {
      throw KelipError(
        "the tokenizer has \(tokenizer.vocabSize) ids, the model's vocab_size is \(model.config.text.vocabSize)",
        at: self.tokenizer, hint: "give the tokenizer that the model was trained with")
    }
    return try TowerEncoder(model, tokenizer)
  }
}
