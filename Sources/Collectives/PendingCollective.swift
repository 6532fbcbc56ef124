import Basics
import Foundation

/// A collective that runs in the background.
package final class PendingCollective: @unchecked Sendable {
  // Safe to share: `result` and `waiterCount` are only touched under the condition's lock.
  private let condition = NSCondition()
  private var result: Result<Void, any Error>?
  private var waiterCount = 0
  private var endedByWaiter: (() -> Void)?

  package init() {}

  package var isDone: Bool { condition.withLock { result != nil } }

  /// Whether somebody has nothing better to do than to wait for this.
  package var hasWaiters: Bool { condition.withLock { waiterCount > 0 } }

  /// Returns when the result is in the buffer, and says how many seconds the caller stood still; 0 when it
  /// had ended before. May be called again.
  @discardableResult
  package func wait() throws -> Double {
    let span = Phase.communication.begin()
    defer { span.end() }
    condition.lock()
    defer { condition.unlock() }
    if let result {
      try result.get()
      return 0
    }
    let before = Activity.enter(.waitingForRanks)
    defer { Activity.enter(before) }
    if let end = endedByWaiter {
      (endedByWaiter, result) = (nil, .success(()))
      end()
      return 0
    }
    let start = ContinuousClock.now
    waiterCount += 1
    while result == nil { condition.wait() }
    waiterCount -= 1
    try result?.get()
    return (ContinuousClock.now - start) / .seconds(1)
  }

  /// Called once, by the communicator.
  package func complete(_ outcome: Result<Void, any Error>) {
    condition.withLock {
      precondition(result == nil, "a collective ends once")
      result = outcome
      condition.broadcast()
    }
  }

  /// Instead of `complete`, once: ends well as soon as somebody waits, whose thread calls `body`.
  package func completeWhenAwaited(_ body: @escaping () -> Void) {
    condition.withLock { endedByWaiter = body }
  }

  /// Makes ready for the same collective once more; the last one has ended.
  package func rearm() { condition.withLock { result = nil } }
}
