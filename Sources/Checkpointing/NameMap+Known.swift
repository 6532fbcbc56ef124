import Basics

extension NameMap {
  /// The kinds of weight files there are. To add one, write it down here; where telltales of several fit, the first
  /// counts.
  package static let known = [kelip, openCLIPCustomText, openCLIP, huggingFaceBERT, torchvisionResNet50]

  /// KELIP's release: OpenAI CLIP's names inside a `model` of its own.
  package static let kelip = NameMap(
    "kelip", telltales: ["model.visual.", "model.token_embedding."], pairs: [Pair("model.", "")],
    ignored: ["model.input_resolution", "model.context_length", "model.vocab_size"])

  /// OpenAI CLIP, open_clip's `CLIP`, and kelip's own checkpoints.
  package static let openCLIP = NameMap(
    "open_clip",
    telltales: ["visual.", "token_embedding.", "text.embeddings.", "text.encoder.", "logit_scale"],
    pairs: [Pair("", "")],
    ignored: ["input_resolution", "context_length", "vocab_size", "attn_mask"])

  /// open_clip's `CustomTextCLIP`, whose text tower is a module of its own.
  package static let openCLIPCustomText = NameMap(
    "open_clip-custom-text", telltales: ["text.token_embedding.", "text.transformer.resblocks."],
    pairs: [
      Pair("text.token_embedding.", "token_embedding."),
      Pair("text.positional_embedding", "positional_embedding"),
      Pair("text.transformer.", "transformer."), Pair("text.ln_final.", "ln_final."),
      Pair("text.text_projection", "text_projection"), Pair("visual.", "visual."),
      Pair("logit_scale", "logit_scale"),
    ], ignored: ["text.attn_mask"])

  /// `BertModel`, and the models that hold one as `bert`.
  package static let huggingFaceBERT = NameMap(
    "huggingface-bert", telltales: ["embeddings.word_embeddings."], wrappers: ["module.", "bert."],
    pairs: [
      Pair("embeddings.", "text.embeddings."), Pair("encoder.", "text.encoder."),
      Pair("pooler.", "text.pooler."),
    ],
    oldEnds: [
      Pair("LayerNorm.gamma", "LayerNorm.weight"), Pair("LayerNorm.beta", "LayerNorm.bias"),
    ], ignored: ["embeddings.position_ids", "cls.", "classifier.", "qa_outputs."])

  /// torchvision's ResNet-50; `fc` is the last layer.
  package static let torchvisionResNet50 = NameMap(
    "torchvision-resnet50", telltales: ["layer1.0.conv1."], pairs: [Pair("", "visual.")])

  /// The one that `--format` names.
  package static func named(_ format: String) throws -> NameMap {
    guard let map = known.first(where: { $0.format == format }) else {
      throw KelipError("unknown format \"\(format)\"", hint: "one of: \(formats)")
    }
    return map
  }

  /// The one that tensors of these names are of.
  ///
  /// - Parameter file: for the message.
  package static func detect(_ names: [String], at file: String) throws -> NameMap {
    guard let map = known.first(where: { map in names.contains(where: map.isTold) }) else {
      let shown = names.sorted().prefix(4).joined(separator: ", ")
      throw KelipError(
        "weights under names that are not known here: \(shown) …", at: file, hint: "known are: \(formats)")
    }
    return map
  }

  package static var formats: String { known.map(\.format).joined(separator: ", ") }
}
