import Basics

/// What a masked autoencoder's decoder is to reproduce of each masked patch.
package enum PatchTarget: String, CaseIterable, Codable, Sendable {
  /// The pixels in [−1, 1]; the decoder ends in a tanh (KELIP).
  case pixels
  /// The normalised pixels, less the patch's mean and by its deviation (He et al. 2022, norm_pix_loss).
  case normalisedPixels = "normalised_pixels"
}

/// A masked autoencoder's decoder and task (config section `mae`). The defaults are KELIP's with a decoder that sees
/// both ways.
package struct MAEConfig: Codable, Sendable, Equatable {
  /// How the tower's rows come to the decoder's width.
  package enum DecoderInput: String, CaseIterable, Codable, Sendable {
    /// Through the tower's own projection to the joint space (KELIP); the decoder is as wide as that.
    case projection
    /// Through a linear layer of the decoder's (He et al. 2022).
    case linear
  }

  /// The fraction of patches that the tower does not see.
  package var maskedFraction: Double
  package var target: PatchTarget
  package var decoderWidth: Int
  package var decoderLayers: Int
  package var decoderHeads: Int
  /// Each row sees itself and those before it only, as in KELIP's release.
  package var isCausal: Bool
  /// The class token runs through tower and decoder (He et al. 2022), or is left out (KELIP).
  package var hasClassToken: Bool
  package var decoderInput: DecoderInput

  enum CodingKeys: String, CodingKey {
    case maskedFraction = "masked_fraction"
    case target
    case decoderWidth = "decoder_width"
    case decoderLayers = "decoder_layers"
    case decoderHeads = "decoder_heads"
    case isCausal = "causal"
    case hasClassToken = "class_token"
    case decoderInput = "decoder_input"
  }

  package init(
    maskedFraction: Double = 0.75, target: PatchTarget = .pixels, decoderWidth: Int, decoderLayers: Int = 8,
    decoderHeads: Int = 8, isCausal: Bool = false, hasClassToken: Bool = false,
    decoderInput: DecoderInput = .projection
  ) {
    (self.maskedFraction, self.target) = (maskedFraction, target)
    (self.decoderWidth, self.decoderLayers, self.decoderHeads) = (decoderWidth, decoderLayers, decoderHeads)
    (self.isCausal, self.hasClassToken, self.decoderInput) = (isCausal, hasClassToken, decoderInput)
  }

  /// K of a picture's patches.
  package func keptCount(of patchCount: Int) -> Int {
    PatchSampling.keptCount(of: patchCount, removing: maskedFraction)
  }

  /// The vision transformer of a model, if the decoder fits it.
  ///
  /// - Throws: what does not fit, with the key of the run's configuration.
  package func validated(for model: ModelConfig) throws -> VisionTransformerConfig {
    guard let vision = model.vision as? VisionTransformerConfig else {
      throw KelipError(
        "masked autoencoding needs a vision transformer", at: "vision_cfg.type",
        hint: "take a model file with patches, or leave the stage out")
    }
    try vision.validate()
    for (key, value) in [
      ("decoder_width", decoderWidth), ("decoder_layers", decoderLayers), ("decoder_heads", decoderHeads),
    ] where value < 1 {
      throw KelipError("must be at least 1, is \(value)", at: "mae.\(key)")
    }
    guard decoderWidth.isMultiple(of: decoderHeads) else {
      throw KelipError("does not divide decoder_width \(decoderWidth)", at: "mae.decoder_heads")
    }
    guard decoderInput == .linear || decoderWidth == model.embedDim else {
      throw KelipError(
        "is \(decoderWidth), but the tower projects to \(model.embedDim)", at: "mae.decoder_width",
        hint: "make them equal, or set mae.decoder_input to linear")
    }
    guard maskedFraction > 0, maskedFraction < 1, keptCount(of: vision.patchCount) < vision.patchCount else {
      throw KelipError(
        "\(maskedFraction) of \(vision.patchCount) patches leaves nothing to see or to reconstruct",
        at: "mae.masked_fraction")
    }
    return vision
  }
}
