import Basics
import Foundation
import Towers

/// What open_clip asks for in a folder.
enum OpenCLIPFolder {
  /// `open_clip_config.json`. In a folder, open_clip takes the tokenizer that lies there when one is named at all;
  /// without one it takes CLIP's own.
  static func config(_ model: ModelConfig, hasTokenizer: Bool) throws -> Data {
    var sections = try ModelSections(model).all
    if hasTokenizer {
      var text = sections["text_cfg"] as? [String: Any] ?? [:]
      text["hf_tokenizer_name"] = "."
      sections["text_cfg"] = text
    }
    let preprocessing: [String: Any] = [
      "mean": NSArray(array: openAIMean), "std": NSArray(array: openAIDeviation), "interpolation": "bicubic",
      "resize_mode": "shortest",
    ]
    return try ModelSections.data(["model_cfg": sections, "preprocess_cfg": preprocessing])
  }

  // As decimals, or JSON would show the nearest 64-bit number.
  private static let openAIMean = ["0.48145466", "0.4578275", "0.40821073"].map {
    NSDecimalNumber(string: $0)
  }
  private static let openAIDeviation = ["0.26862954", "0.26130258", "0.27577711"].map {
    NSDecimalNumber(string: $0)
  }
}

/// What KELIP's release asks for in a folder.
enum KELIPFolder {
  /// `config.json` of its `KelipConfig`; the class fixes what has no key there.
  static func config(_ model: ModelConfig) throws -> Data {
    let sections = try ModelSections(model)
    try checkFixed(model, sections)
    let (vision, text) = (sections.vision, sections.text)
    return try ModelSections.data([
      "architectures": ["KelipModel"], "embed_dim": model.embedDim,
      "image_resolution": model.vision.imageSize, "vision_layers": vision["layers"]!,
      "vision_width": vision["width"]!, "vision_patch_size": vision["patch_size"] ?? NSNull(),
      "context_length": model.text.contextLength, "vocab_size": model.text.vocabSize,
      "transformer_width": text["width"]!, "transformer_heads": text["heads"]!,
      "transformer_layers": text["layers"]!,
    ])
  }

  /// QuickGELU, heads of 64 and MLPs of four times the width stand in the code.
  private static func checkFixed(_ model: ModelConfig, _ sections: ModelSections) throws {
    func number(_ section: [String: Any], _ key: String, _ standard: Double) -> Double {
      (section[key] as? NSNumber)?.doubleValue ?? standard
    }
    for (fits, place, wanted) in [
      (model.quickGelu, "quick_gelu", "true"),
      (number(sections.vision, "head_width", 64) == 64, "vision_cfg.head_width", "64"),
      (number(sections.vision, "mlp_ratio", 4) == 4, "vision_cfg.mlp_ratio", "4"),
      (number(sections.text, "mlp_ratio", 4) == 4, "text_cfg.mlp_ratio", "4"),
    ] where !fits {
      throw KelipError("KELIP's own class knows \(wanted) alone", at: place, hint: "export as open_clip")
    }
  }
}

/// What transformers asks for in a folder.
enum HuggingFaceBERTFolder {
  /// `config.json` of `BertModel`.
  static func config(_ text: BERTConfig) -> Data {
    let fields: [(String, JSONText)] = [
      ("architectures", .array([.string("BertModel")])), ("model_type", .string("bert")),
      ("vocab_size", .integer(text.vocabSize)), ("hidden_size", .integer(text.width)),
      ("num_hidden_layers", .integer(text.layers)), ("num_attention_heads", .integer(text.heads)),
      ("intermediate_size", .integer(text.hiddenWidth)), ("hidden_act", .string("gelu")),
      ("max_position_embeddings", .integer(text.maxPositions)),
      ("type_vocab_size", .integer(text.tokenTypes)), ("layer_norm_eps", .number(text.layerNormEps)),
      ("pad_token_id", .integer(0)),
    ]
    return Data((JSONText.object(fields).text + "\n").utf8)
  }
}

/// A model file's keys and values, whatever its towers are.
private struct ModelSections {
  let all: [String: Any]

  init(_ model: ModelConfig) throws {
    all = try JSONSerialization.jsonObject(with: ModelFile.json(model)) as? [String: Any] ?? [:]
  }

  var vision: [String: Any] { all["vision_cfg"] as? [String: Any] ?? [:] }
  var text: [String: Any] { all["text_cfg"] as? [String: Any] ?? [:] }

  static func data(_ object: [String: Any]) throws -> Data {
    try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
      + Data("\n".utf8)
  }
}
