import Foundation
import Synchronization

private let stopRequested = Atomic<Bool>(false)

/// SIGTERM and SIGUSR1 ask for a checkpoint and a requeue. The handler only raises a flag (no MPI call, no
/// allocation); the ranks agree on it at a step's end.
///
/// Further ones change nothing: a batch system signals every process of a job, and its launcher passes the same signal
/// on. SIGINT and SIGKILL end the process at once.
package enum StopSignal {
  /// From now on the first signal of either kind only sets `isRequested`.
  package static func install() {
    for number in [SIGTERM, SIGUSR1] {
      signal(number) { _ in stopRequested.store(true, ordering: .relaxed) }
    }
  }

  /// Whether this process was asked to stop; the others may not know yet.
  package static var isRequested: Bool { stopRequested.load(ordering: .relaxed) }
}
