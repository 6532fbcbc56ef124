import Basics
import Foundation

/// Where a run stands.
enum RunState: Equatable {
  case notBegun
  case done
  case stopped(step: Int)
  case running(step: Int)
  /// The log has no end: it goes on elsewhere, was killed, or ended with an error.
  case open(step: Int)
}

extension RunContents {
  var state: RunState {
    let step = metrics.lastStep ?? 0
    if isHeld { return .running(step: step) }
    switch log.sessions.last?.end {
    case .done: return .done
    case .stopped(let step): return .stopped(step: step)
    case nil:
      if let total = config.totalSteps, step == total, total > 0 { return .done }
      return step == 0 && log.sessions.isEmpty ? .notBegun : .open(step: step)
    }
  }

  var stateText: String {
    switch state {
    case .notBegun: "not begun"
    case .done: "done"
    case .stopped(let step): "stopped on a signal at step \(step.digitGrouped); can be resumed"
    case .running(let step): "going on; step \(step.digitGrouped) so far"
    case .open(let step):
      "stands at step \(step.digitGrouped); the log has no end: killed, ended by an error, or going on elsewhere"
    }
  }

  /// As the last process told it.
  var rankCount: Int? { log.sessions.last { $0.rankCount != nil }?.rankCount }
  var parameterCount: Int? { log.sessions.last { $0.parameterCount != nil }?.parameterCount }
  /// Of all processes that the log has.
  var wallSeconds: Double? {
    log.sessions.isEmpty ? nil : log.sessions.reduce(0) { $0 + $1.wallSeconds }
  }
}
