import Basics
import Collectives
import Imaging
import ShardStream
import Tokenization
import Towers

/// One stage of a run with what every rank has read of its data.
package struct StagePlan: Sendable {
  package let settings: StageSettings
  /// Steps of the run before its first.
  package let firstStep: Int
  /// The views of each picture after the warm-up.
  package let cropGroups: [CropGroup]
  /// The views during the warm-up; the same where there is none.
  private let warmupGroups: [CropGroup]
  /// The shards it trains on; equal on every rank.
  package let catalogue: ShardCatalogue
  /// What of the shards is lost before the first step.
  package let findings: [ShardFinding]
  /// Which sample stands where in the stage; equal on every rank.
  package let order: GlobalOrder

  /// Steps of the run after its last.
  package var endStep: Int { firstStep + settings.steps }

  /// Every rank calls it, since the shards are dealt to the ranks; what one refuses is thrown on all.
  init(
    _ settings: StageSettings, firstStep: Int, _ config: TrainConfig, _ model: ModelConfig,
    _ communicator: any Communicator
  ) throws {
    (self.settings, self.firstStep) = (settings, firstStep)
    let cropGroups = CropGroup.groups(settings.crops, imageSize: model.vision.imageSize)
    let warmupGroups = CropGroup.groups(
      settings.crops, imageSize: model.vision.imageSize, warmupSize: settings.imageWarmup?.size)
    (self.cropGroups, self.warmupGroups) = (cropGroups, warmupGroups)
    let mixture = try communicator.agree {
      try Self.checkDivides(settings, communicator)
      for group in cropGroups { try group.requireFit(model.vision) }
      try settings.imageWarmup?.requireFit(model.vision)
      return try ShardMixture(settings.train)
    }
    let catalogue = try ShardCatalogue.load(
      mixture.shards, of: settings.samples, communicator: communicator,
      sidecars: SidecarPlace(folder: config.indexDirectory))
    let findings = catalogue.findings
    (self.catalogue, self.findings) = (catalogue, findings)
    order = try communicator.agree {
      try ShardFindingCheck(
        findings: findings, shardCount: catalogue.shards.count, sampleCount: catalogue.sampleCount,
        fraction: config.maxBadFraction, minimum: config.maxBadFractionAfter)()
      return try GlobalOrder(
        settings, config, mixture.components(count: catalogue.sampleCount(ofShard:language:)))
    }
  }

  /// The views of each picture in the stage's own step `step`.
  package func cropGroups(step: Int) -> [CropGroup] {
    step < settings.imageWarmup?.steps ?? 0 ? warmupGroups : cropGroups
  }

  /// The same for a loader.
  var loaderWarmup: LoaderOptions.Warmup? {
    settings.imageWarmup.map { .init(steps: $0.steps, crops: warmupGroups.preparations) }
  }

  private static func checkDivides(_ settings: StageSettings, _ communicator: any Communicator) throws {
    guard settings.globalBatchSize.isMultiple(of: communicator.worldSize) else {
      throw KelipError(
        "\(communicator.worldSize) ranks do not divide the global batch size \(settings.globalBatchSize)",
        at: "data.global_batch_size", hint: "start another number of ranks or change the global batch size")
    }
  }
}

extension GlobalOrder {
  /// The order of a stage.
  init(
    _ settings: StageSettings, _ config: TrainConfig, _ components: [MixtureComponent]
  ) throws {
    try self.init(
      seed: config.seed, components: components, globalBatchSize: settings.globalBatchSize,
      canonicalStreams: settings.canonicalStreams, shuffleWindow: config.shuffleWindow)
  }
}
