import Basics
import Checkpointing
import Configuration
import Foundation

/// One training run of a study: a variant from a seed.
package struct StudyRun: Sendable {
  package var variant: String
  /// Nil for a model that was trained elsewhere.
  package var seed: Int?
  /// Such as `weak-seed1`.
  package var name: String
  /// Holds the run, the output of its programs and the answers about it.
  package var directory: URL
  /// Nil for a model that was trained elsewhere.
  package var training: StudyTraining?
  /// The folder of the model that is evaluated.
  package var checkpoint: URL

  /// What the programs of this run print.
  package var log: URL { directory.appendingPathComponent("output.log") }

  /// For people.
  package var title: String { seed.map { "\(variant), seed \($0)" } ?? name }
}

/// How a run is trained.
package struct StudyTraining: Sendable {
  package var config: String
  /// `key=value` each.
  package var overrides: [String]
  package var stages: [String]
  /// Updates of all stages.
  package var steps: Int
  /// What makes this run's model, by key: all of the configuration but the seed and what changes no weight.
  package var settings: [(key: String, value: JSONText)]
}

extension StudyPlan {
  /// A run for each variant and seed, seeds outermost: what there is after a part of the time can be compared.
  package func runs(in directory: URL) throws -> [StudyRun] {
    let base = try TextFile.read(config, "the study's configuration")
    return try seeds.flatMap { seed in
      try variants.map { try run($0, seed: seed, base: base, in: directory) }
    }
  }

  private func run(_ variant: StudyVariant, seed: Int, base: String, in directory: URL) throws -> StudyRun {
    let name = "\(variant.name)-seed\(seed)"
    let folder = directory.appendingPathComponent(name)
    let own = [("run.directory", JSONText.string(folder.path)), ("run.seed", .integer(seed))]
    let overrides = try self.overrides(variant, base: base) + own.map { "\($0)=\($1.text)" }
    let reader = try ConfigReader(yaml: base, source: config, overrides: overrides)
    let stages = try reader.strings("stages", default: ["contrastive"])
    let steps = try Self.steps(stages, reader)
    return StudyRun(
      variant: variant.name, seed: seed, name: name, directory: folder,
      training: StudyTraining(
        config: config, overrides: overrides, stages: stages, steps: steps,
        settings: reader.settings.filter { !Self.changesNoWeight($0.key) }),
      checkpoint: folder.appendingPathComponent("checkpoints/\(CheckpointDirectory.name(step: steps))"))
  }

  /// The plan's, the variant's, then those that make runs of a study alike.
  private func overrides(_ variant: StudyVariant, base: String) throws -> [String] {
    var all = overrides + variant.overrides.map { "\($0.key)=\($0.value.text)" }
    if let steps {
      all.append("optimizer.steps=\(steps)")
      let reader = try ConfigReader(yaml: base, source: config, overrides: all)
      // A stage before the contrastive one lasts as long, unless it is told how long.
      if try reader.strings("stages", default: []).contains("mae"), !reader.contains("mae.steps") {
        all.append("mae.steps=\(steps)")
      }
    }
    // Evaluated afterwards; of the checkpoints only the last is looked at.
    return all + [
      "validation.every_steps=null", "checkpoint.keep_last=1", "checkpoint.keep_every_steps=null",
      "checkpoint.keep_best=false", "log.tensorboard=false", "log.page_port=null",
    ]
  }

  private static func changesNoWeight(_ key: String) -> Bool {
    ["run", "checkpoint", "log", "watchdog", "validation"].contains { key.hasPrefix($0 + ".") }
      || ["data.validation", "data.decode_threads", "data.prefetch_batches"].contains(key)
  }

  /// Of all stages together.
  private static func steps(_ stages: [String], _ reader: ConfigReader) throws -> Int {
    try stages.reduce(0) { sum, stage in
      try sum + reader.integer(stage == "mae" ? "mae.steps" : "optimizer.steps", in: 1...Int.max)
    }
  }
}
