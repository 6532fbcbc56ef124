import Basics

/// What a rank tells of itself every second.
struct RankState: Codable, Sendable, Equatable {
  var activity: Activity
  /// Seconds since it began that.
  var activitySeconds: Double
  /// Steps that are done.
  var step: Int
  /// `Activity.progressCount`.
  var progress: Int

  /// Of this process.
  static var own: RankState {
    let (activity, since) = Activity.current
    return RankState(
      activity: activity, activitySeconds: monotonicSeconds() - since, step: Activity.step,
      progress: Activity.progressCount)
  }
}

/// Where a rank runs.
struct RankPlace: Codable, Sendable, Equatable {
  var host: String
  var process: Int32
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
