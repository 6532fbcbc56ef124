import Basics
import Configuration
import Optimization
import ShardStream
import Towers

/// Section `mae`: the stage of masked autoencoding, with data, augmentation and optimizer of its own.
///
/// Where the section says nothing, the decoder is KELIP's but sees both ways, and the recipe is He et al.'s (2022).
package struct MAESettings: Sendable {
  /// `mae.masked_fraction`.
  package var maskedFraction: Double
  /// `mae.target`.
  package var target: PatchTarget
  /// `mae.decoder_width`; nil for the model's embed_dim.
  package var decoderWidth: Int?
  /// `mae.decoder_layers`.
  package var decoderLayers: Int
  /// `mae.decoder_heads`; nil for heads 64 wide, or one.
  package var decoderHeads: Int?
  /// `mae.causal`.
  package var isCausal: Bool
  /// `mae.class_token`.
  package var hasClassToken: Bool
  /// `mae.decoder_input`.
  package var decoderInput: MAEConfig.DecoderInput

  /// `mae.train`: nil for `data.train`.
  package var train: [TrainEntry]?
  /// `mae.global_batch_size`: pictures a step over all ranks.
  package var globalBatchSize: Int
  /// `mae.scale`, `mae.ratio` and `mae.flip`.
  package var augmentation: AugmentationSettings
  /// `mae.steps`: updates of the stage.
  package var steps: Int
  /// `mae.lr` and `mae.warmup` over `steps`.
  package var schedule: ScheduleSettings
  /// `mae.beta1`, `beta2`, `eps` and `weight_decay`.
  package var optimizer: OptimizerSettings
  /// `mae.grad_clip_norm`; nil for no limit.
  package var gradClipNorm: Double?

  /// Reads the section where a stage needs it or the file has it; nil otherwise.
  ///
  /// - Parameter globalBatchSize: `data.global_batch_size`.
  static func read(
    _ reader: ConfigReader, stages: [StageKind], globalBatchSize: Int
  ) throws -> MAESettings? {
    guard stages.contains(.mae) || reader.contains("mae") else { return nil }
    return try MAESettings(reader, globalBatchSize: globalBatchSize)
  }

  package init(_ reader: ConfigReader, globalBatchSize fallback: Int) throws {
    let positive = 1...Int.max
    maskedFraction = try reader.number("mae.masked_fraction", default: 0.75, in: 0.001...0.999)
    target = try reader.choice("mae.target", default: .pixels)
    decoderWidth = try reader.optionalInteger("mae.decoder_width", in: positive)
    decoderLayers = try reader.integer("mae.decoder_layers", default: 8, in: positive)
    decoderHeads = try reader.optionalInteger("mae.decoder_heads", in: positive)
    isCausal = try reader.bool("mae.causal", default: false)
    hasClassToken = try reader.bool("mae.class_token", default: false)
    decoderInput = try reader.choice("mae.decoder_input", default: .projection)

    train = reader.contains("mae.train") ? try TrainEntry.read(reader, "mae.train") : nil
    globalBatchSize = try reader.integer("mae.global_batch_size", default: fallback, in: positive)
    augmentation = AugmentationSettings(
      scale: try reader.range("mae.scale", default: 0.2...1, in: 1e-4...1),
      ratio: try reader.range("mae.ratio", default: 0.75...(4.0 / 3), in: 0.01...100),
      flip: try reader.number("mae.flip", default: 0.5, in: 0...1))

    steps = try reader.integer("mae.steps", in: positive)
    schedule = ScheduleSettings(
      // A rate of 1.5e-4 a batch of 256, and 40 of 800 epochs of warm-up.
      lr: try reader.number("mae.lr", default: 1.5e-4 * Double(globalBatchSize) / 256, in: 0...1e3),
      warmup: try reader.integer("mae.warmup", default: steps / 20, in: 0...Int.max), steps: steps)
    let unit = 0.0...0.999_999_999
    optimizer = OptimizerSettings(
      beta1: try reader.number("mae.beta1", default: 0.9, in: unit),
      beta2: try reader.number("mae.beta2", default: 0.95, in: unit),
      eps: try reader.number("mae.eps", default: 1e-8, in: 0...1),
      weightDecay: try reader.number("mae.weight_decay", default: 0.05, in: 0...1e3))
    gradClipNorm = try reader.optionalNumber("mae.grad_clip_norm", in: 1e-9...1e9)
  }

  /// With what depends on the model's sizes.
  package func model(for model: ModelConfig) -> MAEConfig {
    let width = decoderWidth ?? model.embedDim
    return MAEConfig(
      maskedFraction: maskedFraction, target: target, decoderWidth: width, decoderLayers: decoderLayers,
      decoderHeads: decoderHeads ?? (width.isMultiple(of: 64) ? width / 64 : 1), isCausal: isCausal,
      hasClassToken: hasClassToken, decoderInput: decoderInput)
  }
}

extension TrainConfig {
  /// The section `mae`, over it the shards of `data` where it names none.
  var maeStage: StageSettings {
    guard let mae else { preconditionFailure("a stage without its section") }
    return StageSettings(
      kind: .mae, steps: mae.steps, globalBatchSize: mae.globalBatchSize,
      canonicalStreams: mae.globalBatchSize == globalBatchSize
        ? canonicalStreams : GlobalOrder.defaultStreams(mae.globalBatchSize),
      train: mae.train ?? train, samples: .pictures,
      crops: [CropSettings(name: "image", augmentation: mae.augmentation)], schedule: mae.schedule,
      optimizer: mae.optimizer, gradClipNorm: mae.gradClipNorm)
  }
}
