/// Something that those who watch a run should know of.
package struct Incident: Sendable {
  package var text: String
  package var step: Int
  package var level: IncidentLevel
  /// Seconds since 1970.
  package var time: Double
}

/// A run at one moment.
package struct RunSnapshot: Sendable {
  package internal(set) var facts: RunFacts?
  /// The last that ended; 0 before the first.
  package internal(set) var step = 0
  /// When that was, in seconds since 1970; nil before the first step of this process.
  package internal(set) var lastStepTime: Double?
  /// How the training ended; nil while it goes on.
  package internal(set) var outcome: String?
  /// By the names of `metrics.jsonl`, in the order in which they came.
  package private(set) var curves: [(name: String, curve: Curve)] = []
  /// The last ones, oldest first; with the time of the end in seconds since 1970.
  package internal(set) var checkpoints: [(event: CheckpointEvent, time: Double)] = []
  package internal(set) var savedCount = 0
  package internal(set) var failedSaveCount = 0
  /// The last ones, oldest first.
  package internal(set) var incidents: [Incident] = []
  package internal(set) var incidentCounts: [IncidentLevel: Int] = [:]
  var ranks = RankAverages()
  var pace = StepPace()
  private var curveIndices: [String: Int] = [:]

  /// The times of each rank, averaged over the last ten steps or so.
  package var rankTimes: [RankTimes] { ranks.means }
  /// How much longer the slowest rank takes than the fastest.
  package var skewSeconds: Double { ranks.skewSeconds }
  /// Nil for fewer than two ranks.
  package var slowestRank: Int? { ranks.slowestRank }

  /// By the clock, over the last hundred steps; nil until two have ended.
  package var secondsPerStep: Double? { pace.secondsPerStep }

  /// Pairs a second, all ranks, by the clock.
  package var samplesPerSecond: Double? {
    guard let facts, let secondsPerStep, secondsPerStep > 0 else { return nil }
    return Double(facts.globalBatchSize) / secondsPerStep
  }

  /// Until the last step, at the pace of the last hundred; nil until two have ended.
  package var secondsLeft: Double? {
    guard let facts, let secondsPerStep else { return nil }
    return secondsPerStep * Double(max(0, facts.totalSteps - step))
  }

  mutating func add(_ name: String, step: Int, value: Double) {
    if let index = curveIndices[name] {
      curves[index].curve.add(step: step, value: value)
    } else if curves.count < RunStatus.curveCount {
      var curve = Curve()
      curve.add(step: step, value: value)
      curveIndices[name] = curves.count
      curves.append((name, curve))
    }
  }
}
