import Basics
import Foundation

/// What a run cost, out of its `metrics.jsonl`.
enum TrainingCost {
  /// `training.seconds`, `training.steps` and `training.seconds_per_step`, the first two of each stage too.
  ///
  /// The seconds are those of the steps that count, on rank 0: without start-up, checkpoints, and steps that a stopped run
  /// did twice.
  ///
  /// - Parameter stages: the run's, in order.
  static func measures(_ directory: URL, stages: [String]) throws -> Measures {
    let url = directory.appendingPathComponent("metrics.jsonl")
    var measures: Measures = [:]
    for line in try TextFile.read(url.path, "the run's metrics").split(separator: "\n") {
      guard let step = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
        let seconds = (step["step_seconds"] as? NSNumber)?.doubleValue
      else { throw KelipError("a line without step_seconds", at: url.path) }
      // Runs of a single stage do not name it.
      for suffix in ["", ".\(step["stage"] as? String ?? stages[0])"] {
        measures["training.seconds\(suffix)", default: 0] += seconds
        measures["training.steps\(suffix)", default: 0] += 1
      }
    }
    if let seconds = measures["training.seconds"], let steps = measures["training.steps"] {
      measures["training.seconds_per_step"] = seconds / steps
    }
    return measures
  }
}
