import Basics
import Foundation
import Synchronization

/// A piece of work on a thread of its own, of low priority: those who compute go first.
final class BackgroundJob<Value: Sendable>: Sendable {
  private let outcome = Mutex<Result<Value, any Error>?>(nil)
  private let processor = Mutex(0.0)
  private let ended = DispatchSemaphore(value: 0)

  init(_ body: @escaping @Sendable () throws -> Value) {
    LowPriorityThread.start(named: "kelip-saving") { [self] in
      let result = Result(catching: body)
      processor.withLock { $0 = Self.threadSeconds() }
      outcome.withLock { $0 = result }
      ended.signal()
    }
  }

  var isDone: Bool { outcome.withLock { $0 != nil } }

  /// What the work took of a core, once it is done; in seconds.
  var processorSeconds: Double { processor.withLock { $0 } }

  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }

  /// Returns when the work has ended, and what it gave.
  func wait() -> Result<Value, any Error> {
    ended.wait()
    ended.signal()
    return outcome.withLock { $0! }
  }
}
