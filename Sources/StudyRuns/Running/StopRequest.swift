import Foundation
import Synchronization

private let received = Atomic<Int>(0)

/// SIGINT, SIGTERM and SIGUSR1 to a study: the handler only counts, and who waits for a program looks.
package enum StopRequest {
  package static func install() {
    for number in [SIGINT, SIGTERM, SIGUSR1] {
      signal(number) { _ in received.add(1, ordering: .relaxed) }
    }
  }

  /// Signals so far.
  package static var count: Int { received.load(ordering: .relaxed) }
}
