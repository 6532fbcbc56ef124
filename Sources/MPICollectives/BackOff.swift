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
  ///   for a slow peer costs little. Else compute wants the core, and one look in 100 µs keeps bytes moving.
  mutating func pause(isHurried: Bool) {
    if pollCount == 0 { start = .now }
    pollCount += 1
    if pollCount < (isHurried ? 200 : 10) {
      sched_yield()
      return
    }
    let waited = (ContinuousClock.now - start) / .microseconds(1)
    kelip_short_sleep(isHurried ? UInt32(min(max(waited / 32, 10), 200)) : 100)
  }
}
