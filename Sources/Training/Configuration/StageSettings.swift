import Basics
import Configuration
import Kernels
import Objectives
import Optimization
import ShardStream
import Tokenization
import Towers

/// What a stage of a run trains: an entry of `stages`. A new objective is a case here, its line in the two switches
/// below, and a file with its `TrainObjective`.
package enum StageKind: String, CaseIterable, Sendable {
  /// The image tower reconstructs patches that it does not see.
  case mae
  /// The image and the text tower against each other.
  case contrastive
  /// The same, and the reconstruction of what is hidden from the towers.
  case joint

  /// What the configuration says about this kind of stage.
  func settings(_ config: TrainConfig) -> StageSettings {
    switch self {
    case .mae: config.maeStage
    case .contrastive: config.contrastiveStage(.contrastive)
    case .joint: config.contrastiveStage(.joint)
    }
  }

  /// Parameters are zero until they are initialised or loaded.
  ///
  /// - Parameter tokenizer: asked for by stages that hide tokens only.
  package func makeObjective<S: ComputeScalar>(
    _ config: TrainConfig, _ model: ModelConfig, tokenizer: () throws -> any Tokenizer, as _: S.Type
  ) throws -> any TrainObjective {
    switch self {
    case .mae: try MAEObjective<S>(config, model)
    case .contrastive: try ContrastiveObjective<S>(config, model)
    case .joint: try JointMaskedObjective<S>(config, model, tokenizer())
    }
  }
}

/// How long a stage trains, on what, and how.
package struct StageSettings: Sendable {
  package var kind: StageKind
  package var steps: Int
  /// Over all ranks.
  package var globalBatchSize: Int
  package var canonicalStreams: Int
  package var train: [TrainEntry]
  /// What of the shards is trained on; of pictures the captions are not read.
  package var samples: SampleKind
  /// The views of each picture.
  package var crops: [CropSettings]
  /// Smaller pictures in its first steps.
  package var imageWarmup: ImageWarmup?
  /// Over the stage's own steps.
  package var schedule: ScheduleSettings
  package var optimizer: OptimizerSettings
  package var gradClipNorm: Double?
}

extension TrainConfig {
  /// In the order of `stages`.
  package var stageSettings: [StageSettings] { stages.map { $0.settings(self) } }

  /// The sections `data`, `augmentation` and `optimizer` as they stand.
  func contrastiveStage(_ kind: StageKind) -> StageSettings {
    StageSettings(
      kind: kind, steps: steps, globalBatchSize: globalBatchSize, canonicalStreams: canonicalStreams,
      train: train, samples: .pairs, crops: crops, imageWarmup: imageWarmup, schedule: schedule,
      optimizer: optimizer,
      gradClipNorm: gradClipNorm)
  }

  /// `stages`: one or more, in order.
  static func readStages(_ reader: ConfigReader) throws -> [StageKind] {
    let names = try reader.strings("stages", default: [StageKind.contrastive.rawValue])
    let stages = try names.map { name in
      guard let kind = StageKind(rawValue: name) else {
        let known = StageKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw reader.fault("stages", "unknown stage \"\(name)\"", hint: "known are: \(known)")
      }
      return kind
    }
    guard !stages.isEmpty, Set(stages).count == stages.count else {
      throw reader.fault("stages", "name at least one stage, and none twice")
    }
    return stages
  }
}

extension ContrastiveObjective {
  /// As configured.
  convenience init(_ config: TrainConfig, _ model: ModelConfig) throws {
    self.init(
      model: try DualEncoder(model, frozen: config.frozen.parts()), loss: GlobalContrastive(config),
      options: Options(config, dropout: try PatchDropout(config, model)))
  }
}

extension ContrastiveObjective.Options {
  init(_ config: TrainConfig, dropout: PatchDropout?) {
    self.init(
      maxLogitScale: config.maxLogitScale, microBatchSize: config.microBatchSize,
      microBatchTokens: config.microBatchTokens,
      synchronisesBatchNorm: config.synchronisesBatchNorm, patchDropout: dropout)
  }
}

extension GlobalContrastive {
  init(_ config: TrainConfig) { self.init(tileRows: config.tileRows, tileColumns: config.tileColumns) }
}
