import ArgumentParser
import Basics
import Collectives
import ShardStream
import Training

/// Which order `kelip data order` is about.
struct OrderPlanOptions: ParsableArguments {
  @Option(help: ArgumentHelp("A run's configuration.", valueName: "file"))
  var config: String?

  @Option(name: .customLong("set"), help: "key=value: override a key of the configuration; may be repeated.")
  var overrides: [String] = []

  @Option(help: "A folder, a glob, a range or a file; may be repeated.")
  var shards: [String] = []

  @Option(
    help: ArgumentHelp(
      "Shards that need not exist: 118400x10000 is 118,400 of 10,000 samples.", valueName: "shardsxsamples"))
  var synthetic: String?

  @Option(help: "Samples of a step over all ranks (without --config).")
  var globalBatchSize: Int?

  @Option(help: "Lanes of the order (without --config).")
  var canonicalStreams: Int?

  @Option(help: "Samples that a lane shuffles among (without --config).")
  var shuffleWindow: Int?

  @Option(help: "Decides the order (without --config).")
  var seed: UInt64?

  func validate() throws {
    guard [config != nil, !shards.isEmpty, synthetic != nil].count(where: \.self) == 1 else {
      throw ValidationError("give one of --config, --shards and --synthetic")
    }
    let settings = [globalBatchSize, canonicalStreams, shuffleWindow]
    guard config == nil || settings.allSatisfy({ $0 == nil }) && seed == nil else {
      throw ValidationError("with --config, change settings by --set data.global_batch_size=… and the like")
    }
    guard config != nil || overrides.isEmpty else { throw ValidationError("--set goes with --config") }
  }

  /// Every rank calls it.
  func load(_ communicator: any Communicator) throws -> LoadedOrder {
    if let config {
      let config = try communicator.agree { try TrainConfig(contentsOf: config, overrides: overrides) }
      let mixture = try communicator.agree { try ShardMixture(config.train) }
      let start = monotonicSeconds()
      let catalogue = try ShardCatalogue.load(
        mixture.shards, communicator: communicator, sidecars: SidecarPlace(folder: config.indexDirectory))
      let scanned = monotonicSeconds()
      let order = try communicator.agree {
        try GlobalOrder(config, mixture.components(count: catalogue.sampleCount(ofShard:language:)))
      }
      return LoadedOrder(
        order: order, source: SampleSource(catalogue: catalogue), scanSeconds: scanned - start,
        started: scanned)
    }
    let start = monotonicSeconds()
    let urls = try communicator.agree { try shards.isEmpty ? nil : ShardList.resolve(shards) }
    let catalogue = try urls.map { try ShardCatalogue.load($0, communicator: communicator) }
    let scanned = monotonicSeconds()
    let order = try communicator.agree { try self.order(catalogue?.sampleCounts ?? syntheticCounts()) }
    return LoadedOrder(
      order: order, source: catalogue.map { SampleSource(catalogue: $0) }, scanSeconds: scanned - start,
      started: scanned)
  }

  private func order(_ counts: [Int]) throws -> GlobalOrder {
    let batch = globalBatchSize ?? 256
    return try GlobalOrder(
      seed: seed ?? 0, shardSampleCounts: counts, globalBatchSize: batch,
      canonicalStreams: canonicalStreams ?? (batch > 0 ? GlobalOrder.defaultStreams(batch) : 1),
      shuffleWindow: shuffleWindow ?? 16384)
  }

  private func syntheticCounts() throws -> [Int] {
    let parts = (synthetic ?? "").split(separator: "x").map { Int($0) }
    guard parts.count == 2, let shards = parts[0], let samples = parts[1], (1...10_000_000).contains(shards),
      (1...1_000_000_000).contains(samples)
    else {
      throw KelipError(
        "\"\(synthetic ?? "")\" is not a number of shards and one of samples", at: "--synthetic",
        hint: "write SHARDSxSAMPLES, for example 118400x10000")
    }
    return Array(repeating: samples, count: shards)
  }
}

/// An order, and its shards where they exist.
struct LoadedOrder {
  let order: GlobalOrder
  let source: SampleSource?
  /// Reading the shards' sizes.
  let scanSeconds: Double
  /// When the order's own work began, on the monotonic clock.
  let started: Double

  /// The key of a sample of shards that exist.
  func key(_ draw: SampleDraw) throws -> String {
    guard let source else { preconditionFailure("keys of shards that do not exist") }
    return try source.key(try source.sample(draw, language: order.components[draw.component].language))
  }
}
