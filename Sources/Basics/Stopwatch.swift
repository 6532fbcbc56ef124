#if canImport(Glibc)
  import Glibc
#endif

/// Seconds on a clock that never jumps.
package func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Adds up the time of several stretches of work.
package struct Stopwatch: Sendable {
  package private(set) var seconds = 0.0

  package init() {}

  @discardableResult
  package mutating func measure<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = monotonicSeconds()
    defer { seconds += monotonicSeconds() - start }
    return try body()
  }

  package mutating func add(_ more: Double) { seconds += more }
}
