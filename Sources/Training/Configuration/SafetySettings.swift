import Configuration

/// When a run goes back to an earlier checkpoint, see `LossWatch`.
package struct SafetySettings: Sendable, Equatable {
  /// `optimizer.max_skipped_updates`: in a row.
  package var maxSkippedUpdates = 10
  /// `optimizer.loss_spike_deviations`: how far above its mean a loss is high; nil for no such rule.
  package var spikeDeviations: Double?
  /// `optimizer.loss_spike_steps`: high losses in a row.
  package var spikeSteps = 10
  /// `optimizer.max_rollbacks`: without getting past the trouble.
  package var maxRollbacks = 3

  package init() {}

  init(_ reader: ConfigReader) throws {
    let positive = 1...Int.max
    maxSkippedUpdates = try reader.integer("optimizer.max_skipped_updates", default: 10, in: positive)
    spikeDeviations = try reader.optionalNumber("optimizer.loss_spike_deviations", in: 1...1e9)
    spikeSteps = try reader.integer("optimizer.loss_spike_steps", default: 10, in: positive)
    maxRollbacks = try reader.integer("optimizer.max_rollbacks", default: 3, in: 0...Int.max)
  }
}
