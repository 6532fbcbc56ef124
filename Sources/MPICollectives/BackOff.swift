import Foundation
internal import CMPIShims

/// How long to wait before asking MPI again.
struct BackOff {
  private var pollCount = 0
  private var start = ContinuousClock.now

  /// Something has moved.
  mutating func reset() { pollCount = 0 }

  /// - Parameter isHurried: somebody has nothing better to do than to wait for the result. Then the first polls
  ///   follow one another at once, and later ones after a small part of the time already lost, so that a wait
  ///   for a slow peer costs little. Else compute wants the core.
  /// - Parameter hasMessages: one look in 100 µs keeps the bytes of messages moving; where ranks only wait for each
  ///   other in shared memory, one in 500 µs does.
  mutating func pause(isHurried: Bool, hasMessages: Bool) {
    if pollCount == 0 { start = .now }
    pollCount += 1
    if pollCount < (isHurried ? 200 : 10) {
      sched_yield()
      return
    }
    let waited = (ContinuousClock.now - start) / .microseconds(1)
    kelip_short_sleep(isHurried ? UInt32(min(max(waited / 32, 10), 200)) : hasMessages ? 100 : 500)
  }
}
