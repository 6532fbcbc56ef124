import Foundation

/// One process of a run, from its start to its end, as the log has it.
struct RunSession {
  /// More are counted alone.
  static let maximumCount = 1000

  var firstTime: Date
  var lastTime: Date
  /// The step after which it began; nil when it ended before that was known.
  private(set) var resumedAt: Int?
  private(set) var rankCount: Int?
  private(set) var globalBatchSize: Int?
  private(set) var parameterCount: Int?
  var end: End?
  /// The steps that it went back to after trouble.
  var returns: [Int] = []
  /// The steps that stand in the records from it: what was done again later is the later one's.
  private(set) var steps = 0..<0

  init(firstTime: Date) { (self.firstTime, lastTime) = (firstTime, firstTime) }

  /// The log's line on how a process, or a later stage of it, began.
  struct Beginning {
    var step: Int
    var rankCount: Int?
    var globalBatchSize: Int?
    var parameterCount: Int?

    init?(_ text: String) {
      // Regular expressions cost far more than all else of reading a log.
      guard text.hasPrefix("starting") || text.hasPrefix("resuming") else { return nil }
      let line =
        /(?:starting|resuming from step-(\d+))(?: stage \S+)? on (\d+) ranks, (\d+) pairs a step, (\d+) parameters.*/
      guard let match = text.wholeMatch(of: line) else { return nil }
      step = match.1.flatMap { Int($0) } ?? 0
      (rankCount, globalBatchSize, parameterCount) = (Int(match.2), Int(match.3), Int(match.4))
    }
  }

  enum End: Equatable {
    case done
    /// On a signal, to be resumed.
    case stopped(step: Int)

    private static let stoppedWords = "stopped at step "

    init?(_ text: String) {
      if text.hasPrefix("done: ") {
        self = .done
      } else if text.hasPrefix(Self.stoppedWords),
        let step = Int(text.dropFirst(Self.stoppedWords.count).prefix { $0.isNumber })
      {
        self = .stopped(step: step)
      } else {
        return nil
      }
    }
  }

  mutating func take(_ beginning: Beginning) {
    // Later ones of the same process tell of stages, and of what it went back to.
    resumedAt = resumedAt ?? beginning.step
    (rankCount, globalBatchSize) = (beginning.rankCount, beginning.globalBatchSize)
    parameterCount = beginning.parameterCount
  }

  var wallSeconds: Double { max(0, lastTime.timeIntervalSince(firstTime)) }

  /// Gives each session the steps that no later one did again.
  static func settleSteps(_ sessions: inout [RunSession]) {
    var limit = Int.max
    for index in sessions.indices.reversed() {
      guard let resumedAt = sessions[index].resumedAt else { continue }
      let first = min(resumedAt, sessions[index].returns.min() ?? resumedAt)
      sessions[index].steps = min(first + 1, limit)..<limit
      limit = min(limit, first + 1)
    }
  }
}
