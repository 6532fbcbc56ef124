import Basics
import Collectives
import Foundation
import Imaging
import ShardStream
import Tokenization
import Towers

/// What the command line of `kelip-worker` says.
package struct WorkerOptions: Sendable {
  /// `--resume`.
  package enum Resume: Sendable, Equatable {
    /// From the newest whole checkpoint of the run directory, if there is one.
    case auto
    /// From the start, in a run directory without checkpoints.
    case never
    case from(String)
  }

  /// `--config`.
  package var configPath: String
  /// `--set`, `key=value` each.
  package var overrides: [String]
  /// Where to go on from.
  package var resume: Resume
  /// Resume although the configuration differs from the saved one.
  package var acceptConfigChange: Bool
  /// Stop once everything is read and checked.
  package var dryRun: Bool

  /// One argument an option.
  package init(
    configPath: String, overrides: [String], resume: Resume, acceptConfigChange: Bool, dryRun: Bool
  ) {
    (self.configPath, self.overrides, self.resume) = (configPath, overrides, resume)
    (self.acceptConfigChange, self.dryRun) = (acceptConfigChange, dryRun)
  }
}

/// Everything a rank has read and checked before the first step: configuration, model sizes, tokenizer, shards, order.
package struct RunPlan: Sendable {
  /// The configuration, defaults filled in.
  package let config: TrainConfig
  /// The model's sizes.
  package let model: ModelConfig
  /// Its ids fit the model's vocabulary.
  package let tokenizer: any Tokenizer
  /// The samples of all shards.
  package let index: ShardIndex
  /// What of the shards is lost before the first step.
  package let findings: [ShardFinding]
  /// Which sample stands where in the run; equal on every rank.
  package let order: GlobalOrder
  /// Shards of `data.validation`; only counted here.
  package let validationShardCount: Int

  /// Reads and checks it all; no rank talks to another here.
  package init(_ config: TrainConfig, worldSize: Int) throws {
    self.config = config
    guard config.globalBatchSize.isMultiple(of: worldSize) else {
      throw KelipError(
        "\(worldSize) ranks do not divide the global batch size \(config.globalBatchSize)",
        at: "data.global_batch_size", hint: "start another number of ranks or change the global batch size")
    }
    model = try ModelFile.load(config.modelPath)
    tokenizer = try Tokenizers.load(config.tokenizerPath)
    guard tokenizer.vocabSize <= model.text.vocabSize else {
      throw KelipError(
        "the tokenizer has \(tokenizer.vocabSize) ids, the model's vocab_size is \(model.text.vocabSize)",
        at: config.tokenizerPath, hint: "give the model the tokenizer's vocabulary size or more")
    }
    let mixture = try ShardMixture(config.train)
    let index = try ShardIndex.scan(mixture.shards)
    self.index = index
    findings = index.findings
    try ShardFindingCheck(
      findings: findings, shardCount: index.shards.count, sampleCount: index.sampleCount,
      fraction: config.maxBadFraction, minimum: config.maxBadFractionAfter)()
    // Evaluated by `kelip eval`; a path that leads nowhere had better be known now than after the run.
    validationShardCount =
      try config.validationShards.isEmpty ? 0 : ShardList.resolve(config.validationShards).count
    order = try GlobalOrder(
      config,
      mixture.components { shard, language in language == nil ? index.shards[shard].count : 0 })
  }

  /// This rank's stream from step `startStep` on.
  package func loader(_ communicator: any Communicator, startStep: Int) throws -> Loader {
    let augmentation: Augmentation =
      switch config.augmentation {
      case .none: .none
      case .randomResizedCrop:
        .randomResizedCrop(scale: config.cropScale, ratio: config.cropRatio, flip: config.flipProbability)
      }
    let options = LoaderOptions(
      order: order, source: SampleSource(index: index), encoder: tokenizer,
      crops: [ImagePreparation(size: model.vision.imageSize, augmentation: augmentation)],
      contextLength: model.text.contextLength, rank: communicator.rank, worldSize: communicator.worldSize,
      threads: config.decodeThreads, prefetchBatches: config.prefetchBatches, maxPixels: config.maxPixels,
      appliesOrientation: config.exifOrientation, scalesJPEG: config.jpegScaledDecode)
    return try Loader(options, startStep: startStep)
  }

  /// A few lines for the log.
  package var summary: String {
    let rejected = index.rejectedCounts.map { "\($0.value) \($0.key)" }.sorted().joined(separator: ", ")
    return
      "data: \(index.sampleCount) pairs in \(index.shards.count) shards, \(order.epochDescription), "
      + "\(validationShardCount) shard\(validationShardCount == 1 ? "" : "s") for validation"
      + (rejected.isEmpty ? "" : "; rejected: \(rejected)")
      + index.faults.map { "\n  damaged: \($0)" }.joined()
      + order.mixtureDescription.map { "\n  \($0)" }.joined()
  }
}
