import Basics
import Foundation
import Synchronization

private let stopRequested = Atomic<Bool>(false)
private let firstSignal = Atomic<Int>(0)

/// SIGTERM and SIGUSR1 ask for a checkpoint and a requeue. The handler only raises a flag (no MPI call, no
/// allocation); the ranks agree on it at a step's end.
///
/// A second SIGTERM ends the process at once with the code that asks for a requeue: the run goes on from its last
/// checkpoint. One within `echoSeconds` of the first signal is its echo: a batch system signals every process of a job,
/// and its launcher passes the same signal on. SIGUSR1 may be repeated as often as one likes. SIGINT and SIGKILL end the
/// process at once anyway.
package enum StopSignal {
  private static let echoSeconds = 3

  /// Until `install` SIGUSR1, which would end the process, is not heard: its sender repeats it.
  package static func prepare() { signal(SIGUSR1, SIG_IGN) }

  /// From now on the first signal of either kind only sets `isRequested`.
  package static func install() {
    for number in [SIGTERM, SIGUSR1] {
      signal(number) { StopSignal.take($0) }
    }
  }

  /// Whether this process was asked to stop; the others may not know yet.
  package static var isRequested: Bool { stopRequested.load(ordering: .relaxed) }

  private static func take(_ number: Int32) {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let (isFirst, first) = firstSignal.compareExchange(
      expected: 0, desired: now.tv_sec, ordering: .relaxed)
    stopRequested.store(true, ordering: .relaxed)
    if !isFirst, number == SIGTERM, now.tv_sec - first >= echoSeconds { _exit(ExitCode.requeue.rawValue) }
  }
}
