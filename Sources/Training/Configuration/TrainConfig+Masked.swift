import Basics
import Configuration
import Objectives
import Tokenization
import Towers

/// The section `masked`: the joint masked objective.
package struct MaskedSettings: Sendable, Equatable {
  /// `masked.alpha`: the contrastive loss's part.
  package var alpha: Double
  /// `masked.beta`: the part of both masked losses.
  package var beta: Double
  /// `masked.image_sides`: sides of the hidden squares, in pixels.
  package var sides: [Int]
  /// `masked.text_tokens`: how many tokens of a caption are hidden.
  package var tokenCounts: ClosedRange<Int>
  /// `masked.text_loss`.
  package var textLoss: MaskedTextLoss
  /// `masked.mask_token`: an id, or a token as the tokenizer spells it; nil for the tokenizer's own.
  package var maskToken: String?

  /// Nil for a run without the stage, which may not have the section either.
  static func read(_ reader: ConfigReader, _ stages: [StageKind]) throws -> MaskedSettings? {
    if stages.contains(.joint) { return try MaskedSettings(reader) }
    guard reader.keys(of: "masked")?.isEmpty != false else {
      throw reader.fault("masked", "means nothing without the stage joint", hint: "give `stages: [joint]`")
    }
    return nil
  }

  private init(_ reader: ConfigReader) throws {
    alpha = try reader.number("masked.alpha", default: 1, in: 0...1e6)
    beta = try reader.number("masked.beta", default: 0.1, in: 0...1e6)
    sides = try reader.integers("masked.image_sides", default: [16, 32, 64], in: 1...4096)
    let counts = try reader.integers("masked.text_tokens", default: [1, 10], in: 1...4096)
    guard counts.count == 2, counts[0] <= counts[1] else {
      throw reader.fault("masked.text_tokens", "expected two whole numbers, the smaller first")
    }
    tokenCounts = counts[0]...counts[1]
    textLoss = try reader.choice("masked.text_loss", default: .l1)
    maskToken = try reader.optionalString("masked.mask_token")
  }

  /// The objective's options for a run with this tokenizer and model.
  ///
  /// - Throws: where the tokenizer has no mask token and none is named, or a square would be larger than the picture.
  func options(
    seed: UInt64, tokenizer: any Tokenizer, model: ModelConfig
  ) throws -> JointMaskedOptions {
    if let side = sides.first(where: { $0 > model.vision.imageSize }) {
      throw KelipError(
        "a square of \(side) pixels does not fit pictures of \(model.vision.imageSize)",
        at: "masked.image_sides")
    }
    return JointMaskedOptions(
      beta: beta, draws: MaskDraws(seed: seed, sides: sides, tokenCounts: tokenCounts),
      maskID: try maskID(tokenizer, vocabSize: model.text.vocabSize))
  }

  /// The id that stands for hidden tokens: a row of the text tower's embedding table.
  func maskID(_ tokenizer: any Tokenizer, vocabSize: Int) throws -> Int32 {
    guard let maskToken else {
      if let id = tokenizer.maskID { return id }
      throw KelipError(
        "the tokenizer has no mask token", at: "masked.mask_token",
        hint: "name a token that no caption holds, or give the id of a row of the embedding table that no "
          + "token has: the model's vocab_size may be larger than the tokenizer's \(tokenizer.vocabSize)")
    }
    if let id = Int32(maskToken) {
      guard id >= 0, Int(id) < vocabSize else {
        throw KelipError("\(id) is no id below the model's vocab_size, \(vocabSize)", at: "masked.mask_token")
      }
      return id
    }
    let ids = (0..<Int32(tokenizer.vocabSize)).reversed()
    guard let id = ids.first(where: { tokenizer.token($0) == maskToken }) else {
      throw KelipError(
        "the tokenizer has no token \"\(maskToken)\"", at: "masked.mask_token",
        hint: "`kelip tokenizer inspect` shows its special tokens")
    }
    return id
  }
}

extension JointMaskedObjective {
  /// As configured.
  convenience init(_ config: TrainConfig, _ model: ModelConfig, _ tokenizer: any Tokenizer) throws {
    guard let masked = config.masked else { preconditionFailure("the stage joint without its settings") }
    let options = try masked.options(seed: config.seed, tokenizer: tokenizer, model: model)
    var heads: MaskedHeads<S>!
    let encoder = try DualEncoder<S>(model, frozen: config.frozen.parts()) {
      heads = MaskedHeads($0, model, textLoss: masked.textLoss)
    }
    var contrastive = ContrastiveObjective<S>.Options(
      config, dropout: try PatchDropout(config, model))
    contrastive.weight = masked.alpha
    self.init(
      ContrastiveObjective(model: encoder, loss: GlobalContrastive(config), options: contrastive),
      heads: heads, options: options)
  }
}
