import Checkpointing
import Configuration

/// When a run saves, what it keeps, and when it gives up on its storage.
package struct CheckpointSettings: Sendable, Equatable {
  /// `checkpoint.every_steps`.
  package var everySteps: Int
  /// `checkpoint.every_minutes`; nil for steps alone.
  package var everyMinutes: Double?
  /// `checkpoint.keep_last` and `checkpoint.keep_every_steps`.
  package var retention: CheckpointRetention
  /// `checkpoint.keep_best`: by validation, where there is one.
  package var keepsBest: Bool
  /// `checkpoint.max_failures`: saves in a row that may fail before the run ends.
  package var maxFailures: Int

  init(_ reader: ConfigReader) throws {
    let positive = 1...Int.max
    everySteps = try reader.integer("checkpoint.every_steps", default: 1000, in: positive)
    everyMinutes = try reader.optionalNumber("checkpoint.every_minutes", in: 1e-3...1e6)
    retention = CheckpointRetention(
      last: try reader.integer("checkpoint.keep_last", default: 3, in: positive),
      everySteps: try reader.optionalInteger("checkpoint.keep_every_steps", in: positive))
    keepsBest = try reader.bool("checkpoint.keep_best", default: true)
    maxFailures = try reader.integer("checkpoint.max_failures", default: 3, in: positive)
  }
}
