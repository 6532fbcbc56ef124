import Basics
import Checkpointing
import Foundation
import Tokenization
import Towers

/// What `kelip checkpoint export` writes.
package enum ExportFormat: String, CaseIterable, Sendable {
  /// A folder for `open_clip.create_model_and_transforms("local-dir:FOLDER")`.
  case openCLIP = "open_clip"
  /// A folder for `KelipModel.from_pretrained(FOLDER)` of KELIP's release.
  case kelip
  /// A folder for `transformers.BertModel.from_pretrained(FOLDER)`: the text tower alone.
  case huggingFaceBERT = "huggingface-bert"
  /// A folder with weights for `torchvision.models.resnet50(num_classes=D)`: the image tower alone.
  case torchvisionResNet50 = "torchvision-resnet50"

  /// The names of its weights.
  var map: NameMap {
    switch self {
    case .openCLIP: .openCLIP
    case .kelip: .kelip
    case .huggingFaceBERT: .huggingFaceBERT
    case .torchvisionResNet50: .torchvisionResNet50
    }
  }

  /// Where its reader looks for weights.
  var weightsName: String { self == .openCLIP ? "open_clip_model.safetensors" : "model.safetensors" }

  /// Whether a tensor of this name here belongs into the file.
  func takes(_ name: String) -> Bool {
    switch self {
    case .openCLIP, .kelip: true
    case .huggingFaceBERT: name.hasPrefix("text.")
    case .torchvisionResNet50: name.hasPrefix("visual.")
    }
  }

  /// The files beside the weights.
  ///
  /// - Throws: where the format has no such tower.
  func files(_ model: ModelConfig, _ tokenizer: (any Tokenizer)?) throws -> [(name: String, data: Data)] {
    try checkTowers(model)
    let tokenizerFiles = tokenizer.map {
      TokenizerFolder.files($0, framing: self == .kelip ? .bare : .framed, length: model.text.contextLength)
    }
    switch self {
    case .openCLIP:
      let config = try OpenCLIPFolder.config(model, hasTokenizer: tokenizer != nil)
      return [("open_clip_config.json", config)] + (tokenizerFiles ?? [])
    case .kelip: return [("config.json", try KELIPFolder.config(model))] + (tokenizerFiles ?? [])
    case .huggingFaceBERT:
      return [("config.json", HuggingFaceBERTFolder.config(model.text as! BERTConfig))]
        + (tokenizerFiles ?? [])
    case .torchvisionResNet50: return []
    }
  }

  private func checkTowers(_ model: ModelConfig) throws {
    let (image, text) = (type(of: model.vision).typeName, type(of: model.text).typeName)
    let fits =
      switch self {
      case .openCLIP, .kelip: ["vit", "modified_resnet"].contains(image) && text == "clip"
      case .huggingFaceBERT: text == BERTConfig.typeName
      case .torchvisionResNet50: image == "resnet50"
      }
    guard !fits else { return }
    throw KelipError(
      "the format \(rawValue) has no model of the towers \(image) and \(text)",
      hint: "the towers alone go out as huggingface-bert and torchvision-resnet50; "
        + "open_clip and kelip take vit or modified_resnet with CLIP's text transformer")
  }
}

/// `tokenizer.json`, and what transformers' `AutoTokenizer` wants beside it.
enum TokenizerFolder {
  static func files(
    _ tokenizer: any Tokenizer, framing: TokenizerFraming, length: Int
  ) -> [(name: String, data: Data)] {
    [
      ("tokenizer.json", tokenizer.json(framing: framing)),
      ("tokenizer_config.json", Data((config(tokenizer, length).text + "\n").utf8)),
    ]
  }

  private static func config(_ tokenizer: any Tokenizer, _ length: Int) -> JSONText {
    let isBERT = tokenizer.kind == .wordPiece
    let named: [(String, Int32?)] = [
      (isBERT ? "cls_token" : "bos_token", tokenizer.startID),
      (isBERT ? "sep_token" : "eos_token", tokenizer.endID), ("pad_token", tokenizer.padID),
      ("mask_token", tokenizer.maskID),
    ]
    let tokens = named.compactMap { key, id in
      id.flatMap(tokenizer.token).map { (key, JSONText.string($0)) }
    }
    return .object(
      [("tokenizer_class", .string("PreTrainedTokenizerFast"))] + tokens + [
        ("model_max_length", .integer(length)), ("clean_up_tokenization_spaces", .bool(false)),
      ])
  }
}
