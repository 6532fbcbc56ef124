import Foundation
import Synchronization

/// A live count of shards on standard error, for a command that takes its time.
final class ShardProgress: Sendable {
  private struct State {
    var done = 0
    var nextTime = ContinuousClock.now
  }

  private let verb: String
  private let total: Int
  private let state = Mutex(State())
  private let isTerminal = isatty(STDERR_FILENO) == 1

  /// - Parameter total: shards of all ranks.
  init(_ verb: String, total: Int) {
    self.verb = verb
    self.total = total
  }

  /// On a terminal one line that changes; elsewhere a line every ten seconds.
  func advance(by count: Int = 1) {
    state.withLock { state in
      state.done += count
      let now = ContinuousClock.now
      guard now >= state.nextTime else { return }
      let isFirst = state.done == count
      state.nextTime = now + (isTerminal ? .milliseconds(200) : .seconds(10))
      guard isTerminal || !isFirst else { return }
      write("\(verb) \(state.done) of \(total) shards" + (isTerminal ? "\r" : "\n"))
    }
  }

  /// Clears the line.
  func finish() {
    if isTerminal { write("\u{1B}[K") }
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
