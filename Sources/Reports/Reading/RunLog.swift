import Basics
import Foundation

/// What `run.log` tells of a run: the processes that ran it, and what they warned of.
struct RunLog {
  private(set) var lineCount = 0
  private(set) var firstTime: Date?
  private(set) var lastTime: Date?
  private(set) var sessions: [RunSession] = []
  /// Processes beyond `RunSession.maximumCount`.
  private(set) var unlistedSessionCount = 0
  private(set) var warnings = LogMessages()
  /// Warnings that the run went back to an earlier step.
  private(set) var rollbacks = LogExcerpts()
  /// Checkpoints that could not be saved.
  private(set) var failedSaves = LogExcerpts()
  private(set) var notes: [String] = []

  private static let rollbackWords = "going back to step "

  /// A file that is not there is an empty log.
  init(_ url: URL) throws {
    guard let summary = try LineReader(url).read({ take(String(decoding: $0.prefix(4000), as: UTF8.self)) })
    else {
      notes.append("run.log is not there")
      return
    }
    if summary.overlongCount > 0 {
      notes.append("\(counted(summary.overlongCount, "overlong line")) of run.log left out")
    }
    RunSession.settleSteps(&sessions)
  }

  private mutating func take(_ line: String) {
    lineCount += 1
    guard let space = line.firstIndex(of: " "),
      let time = try? Date(String(line[..<space]), strategy: .iso8601)
    else {
      warnings.takeContinuation(line)
      return
    }
    (firstTime, lastTime) = (firstTime ?? time, time)
    let text = String(line[line.index(after: space)...])
    defer { if !sessions.isEmpty { sessions[sessions.count - 1].lastTime = time } }
    if let message = LogMessage(text, time) { return note(message) }
    warnings.endMessage()
    followProcess(text, time)
  }

  private mutating func note(_ message: LogMessage) {
    warnings.take(message)
    if message.text.contains("could not be saved") { failedSaves.add(message) }
    guard message.text.contains(Self.rollbackWords) else { return }
    rollbacks.add(message)
    let tail = message.text.split(separator: Self.rollbackWords, maxSplits: 1).last ?? ""
    if let step = Int(tail.prefix { $0.isNumber }), !sessions.isEmpty {
      sessions[sessions.count - 1].returns.append(step)
    }
  }

  private mutating func followProcess(_ text: String, _ time: Date) {
    if text.hasPrefix("compute: ") { return begin(time) }
    if let beginning = RunSession.Beginning(text) {
      if sessions.last.map({ $0.end != nil }) ?? true { begin(time) }
      sessions[sessions.count - 1].take(beginning)
    } else if let end = RunSession.End(text), !sessions.isEmpty {
      sessions[sessions.count - 1].end = end
    }
  }

  private mutating func begin(_ time: Date) {
    if sessions.count == RunSession.maximumCount {
      sessions.removeFirst()
      unlistedSessionCount += 1
    }
    sessions.append(RunSession(firstTime: time))
  }
}
