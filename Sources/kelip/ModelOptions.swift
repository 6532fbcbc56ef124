import ArgumentParser
import Basics
import Checkpointing
import Evaluation
import Foundation
import Kernels
import Tokenization
import Training

/// Where a command finds its model: a checkpoint's directory, or three files.
struct ModelOptions: ParsableArguments {
  @Option(help: "A checkpoint's directory: model, weights and tokenizer at once.", completion: .directory)
  var checkpoint: String?
  @Option(help: "Model file (YAML or JSON, open_clip's keys).", completion: .file()) var model: String?
  @Option(help: "Weights (safetensors, open_clip's names).", completion: .file()) var weights: String?
  @Option(help: "tokenizer.json.", completion: .file()) var tokenizer: String?
  @Option(help: "fp32 or bf16.") var precision: Precision = .fp32

  func encoder() throws -> any FeatureEncoder { try files().encoder(precision) }

  /// 128 bits of XXH3 of the weights' file: tells one model from another.
  func weightsDigest() throws -> String {
    let weights = try files().weights
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: weights), options: .alwaysMapped)
      return data.withUnsafeBytes { XXH3Hasher.hexDigest(of: $0) }
    } catch {
      throw KelipError("cannot read the weights: \(error.localizedDescription)", at: weights)
    }
  }

  /// The same model for another library; it needs no tokenizer.
  func export() throws -> WeightExport {
    let files = try files(needsTokenizer: false)
    return try WeightExport(
      model: ModelFile.load(files.config), weights: NamedWeights(URL(fileURLWithPath: files.weights)),
      tokenizer: files.tokenizer.isEmpty ? nil : Tokenizers.load(files.tokenizer))
  }

  private func files(needsTokenizer: Bool = true) throws -> ModelFiles {
    if let checkpoint {
      var files = ModelFiles(checkpoint: checkpoint)
      files.config = model ?? files.config
      files.weights = weights ?? files.weights
      files.tokenizer = tokenizer ?? files.tokenizer
      return files
    }
    guard let model, let weights, tokenizer != nil || !needsTokenizer else {
      throw KelipError("no model given", hint: "give --checkpoint DIR, or --model, --weights and --tokenizer")
    }
    return ModelFiles(config: model, weights: weights, tokenizer: tokenizer ?? "")
  }
}
