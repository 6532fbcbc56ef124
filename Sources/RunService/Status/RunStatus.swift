import Basics
import Foundation
import Synchronization

/// Where a run stands: fed after each step by the thread that trains on rank 0, read by those who show it. What it keeps
/// is bounded, however long the run is.
package final class RunStatus: Sendable {
  private let state = Mutex(RunSnapshot())

  package static let historyCount = 200
  /// Names beyond these are not kept.
  static let curveCount = 64

  package init() {}

  /// Before the first step.
  package func begin(_ facts: RunFacts) { state.withLock { $0.facts = facts } }

  /// A step has ended.
  ///
  /// - Parameters:
  ///   - step: of `metrics.jsonl`, from 1.
  ///   - values: the numbers of its line.
  ///   - ranks: of each rank, in order.
  package func add(step: Int, values: [(name: String, value: Double)], ranks: [RankTimes]) {
    add(step: step, values: values, ranks: ranks, at: monotonicSeconds(), wallTime: unixTime())
  }

  /// - Parameters:
  ///   - time: on a clock that never jumps.
  ///   - wallTime: seconds since 1970.
  func add(
    step: Int, values: [(name: String, value: Double)], ranks: [RankTimes], at time: Double, wallTime: Double
  ) {
    state.withLock { state in
      state.step = step
      state.lastStepTime = wallTime
      for (name, value) in values { state.add(name, step: step, value: value) }
      state.ranks.add(ranks)
      state.pace.add(step: step, time: time)
    }
  }

  /// A checkpoint has ended, well or not.
  package func note(_ checkpoint: CheckpointEvent) {
    let time = unixTime()
    state.withLock { state in
      state.checkpoints.append((checkpoint, time), keeping: Self.historyCount)
      if checkpoint.failure == nil { state.savedCount += 1 } else { state.failedSaveCount += 1 }
    }
  }

  /// Something that those who watch should know of: an update that was left out, a rank that stands still.
  package func note(incident text: String, step: Int, level: IncidentLevel = .warning) {
    let incident = Incident(text: text, step: step, level: level, time: unixTime())
    state.withLock { state in
      state.incidents.append(incident, keeping: Self.historyCount)
      state.incidentCounts[level, default: 0] += 1
    }
  }

  /// The training has ended, for good or for now.
  ///
  /// - Parameter outcome: in a word or a line, as `done`.
  package func end(_ outcome: String) { state.withLock { $0.outcome = outcome } }

  /// Fills the curves with what the run did before it was resumed; after `begin` and before the first `add`.
  ///
  /// - Parameter metrics: `metrics.jsonl`, cut at the step that the run goes on from. No file, no curves.
  package func load(metrics: URL) throws {
    try MetricsHistory.read(metrics) { step, values in
      state.withLock { state in
        state.step = step
        for (name, value) in values { state.add(name, step: step, value: value) }
      }
    }
  }

  /// All of it at one moment.
  package var snapshot: RunSnapshot { state.withLock { $0 } }
}

/// Seconds since 1970.
private func unixTime() -> Double { Date().timeIntervalSince1970 }

extension Array {
  /// Drops the oldest beyond a count.
  fileprivate mutating func append(_ element: Element, keeping count: Int) {
    append(element)
    if self.count > count { removeFirst(self.count - count) }
  }
}
