import Basics
import Foundation

/// How long a file system that fails may go on failing: waits double from 0.1 s to 10 s, with jitter.
package struct ReadRetry: Sendable {
  package static let defaultLimitSeconds = 120.0
  private static let firstWait = 0.1
  private static let longestWait = 10.0

  /// From the first failure on; 0 does not try again.
  package var limitSeconds = defaultLimitSeconds
  /// Gets one line when a file begins to fail.
  package var report: @Sendable (String) -> Void = { _ in }
  /// Seconds of a clock that only goes forward.
  var now: @Sendable () -> Double = { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }
  var sleep: @Sendable (Double) -> Void = { Thread.sleep(forTimeInterval: $0) }

  package init() {}

  /// What a server that restarts, a path that is switched over or a full queue may answer for a while.
  private static let transient: Set<Int32> = [
    EIO, ESTALE, ETIMEDOUT, EAGAIN, EBUSY, ENXIO, ENETDOWN, ENETUNREACH, ENETRESET, EHOSTDOWN, EHOSTUNREACH,
    ECONNABORTED, ECONNREFUSED, ECONNRESET, ENOTCONN, ESHUTDOWN, EREMOTEIO, EINTR,
  ]

  static func isTransient(_ code: Int32) -> Bool { transient.contains(code) }

  /// A row of failures of one call.
  struct Episode {
    private let retry: ReadRetry
    private let start: Double
    private var attempt = 0

    init(_ retry: ReadRetry) {
      self.retry = retry
      start = retry.now()
    }

    /// Sleeps before the next attempt; false when the time is used up.
    mutating func wait() -> Bool {
      let left = start + retry.limitSeconds - retry.now()
      guard left > 0 else { return false }
      let wait = min(ReadRetry.firstWait * Double(1 << min(attempt, 10)), ReadRetry.longestWait)
      // Ranks that failed together should not come back together.
      let seed = Hashing.combine(UInt64(ProcessInfo.processInfo.processIdentifier), UInt64(attempt))
      var draw = SeededGenerator(seed: seed ^ start.bitPattern)
      attempt += 1
      retry.sleep(min(wait * (0.5 + 0.5 * draw.nextUniform()), left))
      return true
    }
  }
}
