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

/// Everything a rank has read and checked before the first step: configuration, model sizes, tokenizer, and for each
/// stage its shards and their order.
package struct RunPlan: Sendable {
  /// The configuration, defaults filled in.
  package let config: TrainConfig
  /// The model's sizes.
  package let model: ModelConfig
  /// Its ids fit the model's vocabulary.
  package let tokenizer: any Tokenizer
  /// In the order of `stages`; at least one.
  package let stages: [StagePlan]
  /// Shards of `data.validation`; only counted here.
  package let validationShardCount: Int

  /// Reads and checks it all. Every rank calls it, since the shards are dealt to the ranks; what one cannot read or
  /// refuses is thrown on all.
  package init(_ config: TrainConfig, _ communicator: any Communicator) throws {
    let files = try communicator.agree { try Files(config) }
    self.config = config
    (model, tokenizer, validationShardCount) = (files.model, files.tokenizer, files.validationShardCount)
    var stages: [StagePlan] = []
    for settings in config.stageSettings {
      stages.append(
        try StagePlan(settings, firstStep: stages.last?.endStep ?? 0, config, files.model, communicator))
    }
    self.stages = stages
  }

  /// Steps of all stages.
  package var steps: Int { stages.last!.endStep }

  /// The stage that a run works on after `step` steps; at the end of a stage still that one.
  package func stageIndex(after step: Int) -> Int {
    stages.firstIndex { step <= $0.endStep } ?? stages.count - 1
  }

  /// Changes when the shards of a stage have other names or numbers of samples.
  package var shardsDigest: String { stages.map(\.catalogue.digest).joined(separator: "+") }

  /// What each rank reads by itself.
  private struct Files {
    let model: ModelConfig
    let tokenizer: any Tokenizer
    let validationShardCount: Int

    init(_ config: TrainConfig) throws {
      model = try ModelFile.load(config.modelPath)
      tokenizer = try Tokenizers.load(config.tokenizerPath)
      guard tokenizer.vocabSize <= model.text.vocabSize else {
        throw KelipError(
          "the tokenizer has \(tokenizer.vocabSize) ids, the model's vocab_size is \(model.text.vocabSize)",
          at: config.tokenizerPath, hint: "give the model the tokenizer's vocabulary size or more")
      }
      if config.stages.contains(.mae) { _ = try config.mae!.model(for: model).validated(for: model) }
      _ = try PatchDropout(config, model)
      _ = try config.masked?.options(seed: config.seed, tokenizer: tokenizer, model: model)
      // Evaluated by `kelip eval`; a path that leads nowhere had better be known now than after the run.
      validationShardCount =
        try config.validationShards.isEmpty ? 0 : ShardList.resolve(config.validationShards).count
    }
  }

  /// This rank's stream of a stage from the stage's own step `startStep` on.
  ///
  /// - Parameter warn: is told what does not stop the stream.
  package func loader(
    _ stage: StagePlan, _ communicator: any Communicator, startStep: Int, skipped: Int = 0,
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> Loader {
    var options = loaderOptions(stage, communicator, warn: warn)
    // The loader counts batches, the warm-up steps.
    options.warmup?.steps += skipped
    return try Loader(options, startStep: startStep + skipped)
  }

  /// What a loader of a stage streams.
  package func loaderOptions(
    _ stage: StagePlan, _ communicator: any Communicator,
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) -> LoaderOptions {
    LoaderOptions(
      order: stage.order, source: SampleSource(catalogue: stage.catalogue, warn: warn), encoder: tokenizer,
      crops: stage.cropGroups.preparations, warmup: stage.loaderWarmup,
      needsCaptions: stage.settings.samples == .pairs,
      contextLength: model.text.contextLength, rank: communicator.rank, worldSize: communicator.worldSize,
      threads: config.decodeThreads, prefetchBatches: config.prefetchBatches, maxPixels: config.maxPixels,
      appliesOrientation: config.exifOrientation, scalesJPEG: config.jpegScaledDecode)
  }

  /// A few lines for the log.
  package var summary: String {
    stages.map { stage in
      (stages.count > 1 ? "stage \(stage.settings.kind.rawValue), \(stage.settings.steps) steps: " : "data: ")
        + summary(stage)
    }.joined(separator: "\n")
  }

  private func summary(_ stage: StagePlan) -> String {
    let catalogue = stage.catalogue
    let rejected = catalogue.rejectedCounts.map { "\($0.value) × \($0.key)" }.sorted().joined(separator: ", ")
    return
      "\(catalogue.sampleCount) \(catalogue.kind) in \(catalogue.shards.count) shards, \(stage.order.epochDescription), "
      + "\(validationShardCount) shard\(validationShardCount == 1 ? "" : "s") for validation"
      + (rejected.isEmpty ? "" : "; rejected: \(rejected)")
      + catalogue.faults.map { "\n  damaged: \($0)" }.joined()
      + stage.order.mixtureDescription.map { "\n  \($0)" }.joined()
  }
}
