import Basics

/// What a rank tells of itself every second.
package struct RankState: Codable, Sendable, Equatable {
  package var activity: Activity
  /// Seconds since it began that.
  package var activitySeconds: Double
  /// Steps that are done.
  package var step: Int
  /// `Activity.progressCount`.
  package var progress: Int

  package init(activity: Activity, activitySeconds: Double, step: Int, progress: Int) {
    (self.activity, self.activitySeconds, self.step, self.progress) = (
      activity, activitySeconds, step, progress
    )
  }

  /// Of this process.
  static var own: RankState {
    let (activity, since) = Activity.current
    return RankState(
      activity: activity, activitySeconds: monotonicSeconds() - since, step: Activity.step,
      progress: Activity.progressCount)
  }
}

/// Where a rank runs.
package struct RankPlace: Codable, Sendable, Equatable {
  package var host: String
  package var process: Int32

  package init(host: String, process: Int32) { (self.host, self.process) = (host, process) }
}

/// How long a run may stand still before it is taken to be stuck, in seconds; each part of its life has its own.
package struct WatchLimits: Sendable, Equatable {
  package var startUp: Double
  package var step: Double
  package var checkpoint: Double
  package var evaluation: Double

  package init(startUp: Double, step: Double, checkpoint: Double, evaluation: Double = 3600) {
    (self.startUp, self.step, self.checkpoint) = (startUp, step, checkpoint)
    self.evaluation = evaluation
  }

  func limit(_ activity: Activity) -> Double {
    switch activity {
    case .startingUp: startUp
    case .saving: checkpoint
    case .evaluating: evaluation
    case .readingData, .computing, .waitingForRanks, .writingRecords: step
    }
  }
}
