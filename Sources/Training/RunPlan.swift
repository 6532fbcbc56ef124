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
  /// The views of each picture.
  package let cropGroups: [CropGroup]
  /// Its ids fit the model's vocabulary.
  package let tokenizer: any Tokenizer
  /// The shards of `data.train`; equal on every rank.
  package let catalogue: ShardCatalogue
  /// What of the shards is lost before the first step.
  package let findings: [ShardFinding]
  /// Which sample stands where in the run; equal on every rank.
  package let order: GlobalOrder
  /// Shards of `data.validation`; only counted here.
  package let validationShardCount: Int

  /// Reads and checks it all. Every rank calls it, since the shards are dealt to the ranks; what one cannot read or
  /// refuses is thrown on all.
  ///
  /// - Parameter kind: what of the shards is trained on; of pictures the captions are not read.
  package init(
    _ config: TrainConfig, of kind: SampleKind = .pairs, _ communicator: any Communicator
  ) throws {
    let files = try communicator.agree { try Files(config, worldSize: communicator.worldSize) }
    self.config = config
    cropGroups = files.cropGroups
    (model, tokenizer, validationShardCount) = (files.model, files.tokenizer, files.validationShardCount)
    let catalogue = try ShardCatalogue.load(
      files.mixture.shards, of: kind, communicator: communicator,
      sidecars: SidecarPlace(folder: config.indexDirectory))
    let findings = catalogue.findings
    (self.catalogue, self.findings) = (catalogue, findings)
    order = try communicator.agree {
      try ShardFindingCheck(
        findings: findings, shardCount: catalogue.shards.count, sampleCount: catalogue.sampleCount,
        fraction: config.maxBadFraction, minimum: config.maxBadFractionAfter)()
      return try GlobalOrder(
        config, files.mixture.components(count: catalogue.sampleCount(ofShard:language:)))
    }
  }

  /// What each rank reads by itself.
  private struct Files {
    let model: ModelConfig
    let cropGroups: [CropGroup]
    let tokenizer: any Tokenizer
    let mixture: ShardMixture
    let validationShardCount: Int

    init(_ config: TrainConfig, worldSize: Int) throws {
      guard config.globalBatchSize.isMultiple(of: worldSize) else {
        throw KelipError(
          "\(worldSize) ranks do not divide the global batch size \(config.globalBatchSize)",
          at: "data.global_batch_size", hint: "start another number of ranks or change the global batch size")
      }
      model = try ModelFile.load(config.modelPath)
      cropGroups = CropGroup.groups(config.crops, imageSize: model.vision.imageSize)
      try RunPlan.requireSizes(cropGroups, model.vision)
      tokenizer = try Tokenizers.load(config.tokenizerPath)
      guard tokenizer.vocabSize <= model.text.vocabSize else {
        throw KelipError(
          "the tokenizer has \(tokenizer.vocabSize) ids, the model's vocab_size is \(model.text.vocabSize)",
          at: config.tokenizerPath, hint: "give the model the tokenizer's vocabulary size or more")
      }
      mixture = try ShardMixture(config.train)
      // Evaluated by `kelip eval`; a path that leads nowhere had better be known now than after the run.
      validationShardCount =
        try config.validationShards.isEmpty ? 0 : ShardList.resolve(config.validationShards).count
    }
  }

  /// Crops of the model's own size fit by themselves.
  private static func requireSizes(_ groups: [CropGroup], _ tower: any ImageTowerConfig) throws {
    for group in groups where group.size != tower.imageSize && group.size % tower.gridStride != 0 {
      throw KelipError(
        "crops of \(group.size) pixels do not fit the image tower's cells of \(tower.gridStride)",
        at: "augmentation.crops: \(group.name)", hint: "give a multiple of \(tower.gridStride)")
    }
  }

  /// This rank's stream from step `startStep` on.
  ///
  /// - Parameter warn: is told what does not stop the stream.
  package func loader(
    _ communicator: any Communicator, startStep: Int, warn: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> Loader {
    let source = SampleSource(catalogue: catalogue, warn: warn)
    let options = LoaderOptions(
      order: order, source: source, encoder: tokenizer,
      crops: cropGroups.preparations, needsCaptions: catalogue.kind == .pairs,
      contextLength: model.text.contextLength, rank: communicator.rank, worldSize: communicator.worldSize,
      threads: config.decodeThreads, prefetchBatches: config.prefetchBatches, maxPixels: config.maxPixels,
      appliesOrientation: config.exifOrientation, scalesJPEG: config.jpegScaledDecode)
    return try Loader(options, startStep: startStep)
  }

  /// A few lines for the log.
  package var summary: String {
    let rejected = catalogue.rejectedCounts.map { "\($0.value) × \($0.key)" }.sorted().joined(separator: ", ")
    return
      "data: \(catalogue.sampleCount) \(catalogue.kind == .pairs ? "pairs" : "pictures") in \(catalogue.shards.count) shards, \(order.epochDescription), "
      + "\(validationShardCount) shard\(validationShardCount == 1 ? "" : "s") for validation"
      + (rejected.isEmpty ? "" : "; rejected: \(rejected)")
      + catalogue.faults.map { "\n  damaged: \($0)" }.joined()
      + order.mixtureDescription.map { "\n  \($0)" }.joined()
  }
}
