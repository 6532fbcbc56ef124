import Basics

/// A step's time from elsewhere: a file of `kelip bench step --json`.
package struct StepTiming: Sendable, Equatable {
  package var batchPerRank: Int
  /// The step without communication that compute did not hide.
  package var computeSeconds: Double

  package init(contentsOf path: String) throws {
    let written = try PlanningFile.decode(Written.self, PlanningFile.read(path), path)
    batchPerRank = written.batch_per_rank
    computeSeconds = written.step_seconds - written.communication_seconds
    guard batchPerRank > 0, computeSeconds > 0 else { throw KelipError("no step time", at: path) }
  }

  private struct Written: Decodable {
    let batch_per_rank: Int
    let step_seconds: Double
    let communication_seconds: Double
  }
}

extension StepModelFile {
  /// The same steps at the speed of the machine that `timing` is from.
  package func scaled(to timing: StepTiming, from path: String) throws -> StepModelFile {
    guard let last = stages.last, stages.count == 1 else {
      throw KelipError(
        "one step time for a run of \(stages.count) stages", at: path, hint: "give a file of --save-step")
    }
    let model = last.predictor.model
    let here = model.trace(batchSize: Double(timing.batchPerRank), worldSize: model.worldSize).computeSeconds
    var copy = self
    copy.stages[0].predictor.model = model.scaled(by: timing.computeSeconds / here)
    return copy
  }
}
