import Foundation
import Synchronization

private let stopRequested = Atomic<Bool>(false)

/// SIGTERM and SIGUSR1 ask for a checkpoint and a requeue. The handler only raises a flag (no MPI call, no
/// allocation); the ranks agree on it at a step's end. A second signal ends the process at once.
package enum StopSignal {
  /// From now on the first signal of either kind only sets `isRequested`.
  package static func install() {
    for number in [SIGTERM, SIGUSR1] {
      signal(number) { received in
        if stopRequested.exchange(true, ordering: .relaxed) {
          signal(received, SIG_DFL)
          raise(received)
        }
      }
    }
  }

  /// Whether this process was asked to stop; the others may not know yet.
  package static var isRequested: Bool { stopRequested.load(ordering: .relaxed) }
}
