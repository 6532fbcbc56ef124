import Basics
import Configuration
import Foundation
import Kernels
import Optimization
import RunService
import ShardStream

/// A run's configuration: one YAML file, read once, with every default filled in.
///
/// Each key is declared by the line that reads it in `init(_:)`; README lists them with their meaning.
package struct TrainConfig: Sendable {
  /// `run.directory`.
  package var runDirectory: String
  /// `run.seed`: weights, order and augmentation.
  package var seed: UInt64

  /// `stages`: what is trained, one after the other.
  package var stages: [StageKind]

  /// `model.config`, located.
  package var modelPath: String
  /// `model.precision`.
  package var precision: Precision
  /// `model.init_from`, `model.init_image_from`, `model.init_text_from`; without them weights are random.
  package var initialWeights: InitialWeights

  /// What of the model keeps its weights.
  package var frozen: FrozenConfig
  /// `model.patch_dropout`: what is left out of a picture's patches in contrastive training.
  package var patchDropout: Double

  /// `data.train`: one entry where it is a text or a list of texts.
  package var train: [TrainEntry]
  /// `data.validation`, as written.
  package var validationShards: [String]
  /// `data.index_directory`: where the shards' sidecars lie; nil for beside them.
  package var indexDirectory: String?
  /// `data.global_batch_size`: pairs a step over all ranks.
  package var globalBatchSize: Int
  /// `data.tokenizer`, located.
  package var tokenizerPath: String
  /// `data.decode_threads` a rank; 0 decodes between steps.
  package var decodeThreads: Int
  /// `data.prefetch_batches`: decoded ahead.
  package var prefetchBatches: Int
  /// `data.read_retry_seconds`: how long storage that fails is tried again.
  package var readRetrySeconds: Double
  /// `data.zstd_cache_megabytes`, in bytes.
  package var zstdCacheBytes: Int
  /// `data.canonical_streams`, see `GlobalOrder`.
  package var canonicalStreams: Int
  /// `data.shuffle_window`, in samples.
  package var shuffleWindow: Int
  /// `data.max_pixels` of a picture; more make it a bad sample.
  package var maxPixels: Int
  /// `data.exif_orientation`: whether pictures are turned upright.
  package var exifOrientation: Bool
  /// `data.jpeg_scaled_decode`: whether large JPEGs are shrunk while they are decoded.
  package var jpegScaledDecode: Bool
  /// `data.max_bad_fraction`: a larger share of bad samples stops the run.
  package var maxBadFraction: Double
  /// `data.max_bad_fraction_after`: samples that are drawn before that share is looked at.
  package var maxBadFractionAfter: Int

  /// `augmentation.train` and the keys that go with it: what holds for crops that say nothing else.
  package var augmentation: AugmentationSettings
  /// `augmentation.crops`: one group of one crop where it is not given.
  package var crops: [CropSettings]
  /// `augmentation.warmup_size` and `augmentation.warmup_steps`; nil for the same size throughout.
  package var imageWarmup: ImageWarmup?

  /// `objective.tile_rows`, of a tile of similarities.
  package var tileRows: Int
  /// `objective.tile_columns`.
  package var tileColumns: Int
  /// `objective.temperature` at the start.
  package var temperature: Double
  /// Largest factor on cosine similarities.
  package var maxLogitScale: Double

  /// Section `masked`; nil for a run without the stage `joint`.
  package var masked: MaskedSettings?
  /// Section `mae`; nil where no stage needs it.
  package var mae: MAESettings?

  /// `optimizer.steps`: updates of the whole run.
  package var steps: Int
  /// `optimizer.schedule`, `lr`, `warmup`, `t_max_epochs` and `min_lr`.
  package var schedule: ScheduleSettings
  /// `optimizer.kind`, `beta1`, `beta2`, `eps` and `weight_decay`.
  package var optimizer: OptimizerSettings
  /// `optimizer.grad_clip_norm`; nil for no limit.
  package var gradClipNorm: Double?
  /// The keys of section `optimizer` that say when a run goes back.
  package var safety: SafetySettings

  /// `parallel.threads_per_rank`: compute threads.
  package var threadsPerRank: Int
  /// `parallel.micro_batch_size`: pairs a rank that go through the towers at once; nil for all.
  package var microBatchSize: Int?
  /// `parallel.micro_batch_tokens`: tokens of captions a rank that go through the text tower at once; nil for no limit.
  package var microBatchTokens: Int?
  /// `parallel.sync_batch_norm`: whether batch norms take their statistics over all ranks.
  package var synchronisesBatchNorm: Bool
  /// The keys of section `parallel` that say how gradients and weights travel.
  package var parallel: ParallelSettings

  /// Section `checkpoint`.
  package var checkpoint: CheckpointSettings

  /// Section `validation`; nil for a run that is not evaluated.
  package var validation: ValidationSettings?

  /// Section `watchdog`; nil where nobody watches.
  package var watch: WatchLimits?

  /// Section `log`.
  package var log: LogSettings

  /// Every key with its value, in order.
  package var resolved: [(key: String, value: JSONText)]

  /// - Parameters:
  ///   - path: a YAML file.
  ///   - overrides: `key=value` each (`--set`).
  /// - Throws: `KelipError` for what cannot be read, is unknown, missing, of another type or out of range.
  package init(contentsOf path: String, overrides: [String] = []) throws {
    let text = try TextFile.read(path, "the configuration")
    let base = URL(fileURLWithPath: path).deletingLastPathComponent()
    try self.init(ConfigReader(yaml: text, source: path, overrides: overrides), relativeTo: base)
  }

  /// Reads every key there is, then refuses what is left.
  ///
  /// - Parameter base: the folder from which paths are tried that do not exist from the working directory.
  package init(_ reader: ConfigReader, relativeTo base: URL) throws {
    let positive = 1...Int.max
    stages = try Self.readStages(reader)
    runDirectory = try reader.string("run.directory")
    seed = UInt64(try reader.integer("run.seed", default: 0, in: 0...Int.max))

    modelPath = Self.locate(try reader.string("model.config"), base)
    precision = try reader.choice("model.precision", default: .fp32)
    func weights(_ key: String) throws -> String? {
      try reader.optionalString(key).map { Self.locate($0, base) }
    }
    initialWeights = InitialWeights(
      model: try weights("model.init_from"), imageTower: try weights("model.init_image_from"),
      textTower: try weights("model.init_text_from"))

    frozen = try FrozenConfig(reader)
    patchDropout = try PatchDropout.readFraction(reader)

    train = try TrainEntry.read(reader, "data.train")
    validationShards = try reader.strings("data.validation", default: [])
    indexDirectory = try reader.optionalString("data.index_directory")
    globalBatchSize = try reader.integer("data.global_batch_size", in: positive)
    tokenizerPath = Self.locate(try reader.string("data.tokenizer"), base)
    decodeThreads = try reader.integer("data.decode_threads", default: 1, in: 0...256)
    prefetchBatches = try reader.integer("data.prefetch_batches", default: 2, in: 1...64)
    readRetrySeconds = try reader.number(
      "data.read_retry_seconds", default: ReadRetry.defaultLimitSeconds, in: 0...86_400)
    zstdCacheBytes = try reader.integer("data.zstd_cache_megabytes", default: 1024, in: 0...(1 << 20)) << 20
    canonicalStreams = try reader.integer(
      "data.canonical_streams", default: GlobalOrder.defaultStreams(globalBatchSize), in: positive)
    shuffleWindow = try reader.integer("data.shuffle_window", default: 16384, in: positive)
    maxPixels = try reader.integer("data.max_pixels", default: 25_000_000, in: positive)
    exifOrientation = try reader.bool("data.exif_orientation", default: true)
    jpegScaledDecode = try reader.bool("data.jpeg_scaled_decode", default: true)
    maxBadFraction = try reader.number("data.max_bad_fraction", default: 0.1, in: 0...1)
    maxBadFractionAfter = try reader.integer("data.max_bad_fraction_after", default: 1000, in: positive)

    augmentation = try AugmentationSettings.read(
      reader, section: "augmentation", kindKey: "train", defaults: .preset(.randomResizedCrop))
    crops = try CropSettings.read(reader, "augmentation.crops", defaults: augmentation)
    imageWarmup = try ImageWarmup.read(reader)

    tileRows = try reader.integer("objective.tile_rows", default: 256, in: positive)
    tileColumns = try reader.integer("objective.tile_columns", default: 1024, in: positive)
    temperature = try reader.number("objective.temperature", default: 0.07, in: 1e-6...1e6)
    maxLogitScale = try reader.number("objective.max_logit_scale", default: 100, in: 1...1e6)

    masked = try MaskedSettings.read(reader, stages)
    mae = try MAESettings.read(reader, stages: stages, globalBatchSize: globalBatchSize)

    steps = try reader.integer("optimizer.steps", in: positive)
    schedule = try ScheduleSettings(reader, steps: steps)
    optimizer = try OptimizerSettings(reader)
    gradClipNorm = try reader.optionalNumber("optimizer.grad_clip_norm", in: 1e-9...1e9)

    safety = try SafetySettings(reader)

    threadsPerRank = try reader.integer(
      "parallel.threads_per_rank", default: Self.launcherThreads, in: 1...1024)
    microBatchSize = try reader.optionalInteger("parallel.micro_batch_size", in: positive)
    microBatchTokens = try reader.optionalInteger("parallel.micro_batch_tokens", in: positive)
    synchronisesBatchNorm = try reader.bool("parallel.sync_batch_norm", default: false)
    parallel = try ParallelSettings(reader)

    checkpoint = try CheckpointSettings(reader)
    validation = try ValidationSettings.read(reader, shards: validationShards)

    watch = try WatchLimits.read(reader)
    log = try LogSettings(reader)
    try reader.rejectUnknownKeys()
    resolved = reader.resolved
  }

  /// A path is meant from the working directory; where nothing lies there, from the config file's own.
  private static func locate(_ path: String, _ base: URL) -> String {
    guard !path.hasPrefix("/"), !FileManager.default.fileExists(atPath: path) else { return path }
    let beside = base.appendingPathComponent(path).path
    return FileManager.default.fileExists(atPath: beside) ? beside : path
  }

  /// Slurm's allocation, or one thread a rank.
  private static var launcherThreads: Int {
    ProcessInfo.processInfo.environment["SLURM_CPUS_PER_TASK"].flatMap(Int.init) ?? 1
  }
}
