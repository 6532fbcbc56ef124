/// What of a run does not change while it goes on.
package struct RunFacts: Sendable {
  /// How people call the run.
  package var name: String
  package var directory: String
  /// The model in a line or a few.
  package var model: String
  package var rankCount: Int
  /// The machines, each once.
  package var hosts: [String]
  /// Pairs a step, all ranks.
  package var globalBatchSize: Int
  /// Of the whole run, those before a resume included.
  package var totalSteps: Int
  package var stages: [String]
  /// When this process began; seconds since 1970.
  package var startTime: Double
  /// 0 for a run from its beginning.
  package var resumedAtStep: Int

  package init(
    name: String, directory: String, model: String, rankCount: Int, hosts: [String], globalBatchSize: Int,
    totalSteps: Int, stages: [String], startTime: Double, resumedAtStep: Int
  ) {
    (self.name, self.directory, self.model) = (name, directory, model)
    (self.rankCount, self.hosts, self.globalBatchSize) = (rankCount, hosts, globalBatchSize)
    (self.totalSteps, self.stages) = (totalSteps, stages)
    (self.startTime, self.resumedAtStep) = (startTime, resumedAtStep)
  }
}

/// Where the time of one rank's step went.
package struct RankTimes: Sendable, Equatable {
  package var dataSeconds: Double
  package var computeSeconds: Double
  /// What compute did not hide.
  package var communicationSeconds: Double

  package init(dataSeconds: Double, computeSeconds: Double, communicationSeconds: Double) {
    (self.dataSeconds, self.computeSeconds) = (dataSeconds, computeSeconds)
    self.communicationSeconds = communicationSeconds
  }

  /// What the other ranks wait for.
  package var busySeconds: Double { dataSeconds + computeSeconds }
}

/// How a checkpoint went.
package struct CheckpointEvent: Sendable {
  package var step: Int
  /// From the snapshot to its end.
  package var seconds: Double
  /// What training waited for.
  package var stallSeconds: Double
  /// Why there is no checkpoint; nil for success.
  package var failure: String?

  package init(step: Int, seconds: Double, stallSeconds: Double, failure: String?) {
    (self.step, self.seconds) = (step, seconds)
    (self.stallSeconds, self.failure) = (stallSeconds, failure)
  }
}

package enum IncidentLevel: String, Sendable, CaseIterable {
  case info
  case warning
  case error
}
