import Basics
import Foundation
import Logging

/// The watch over a run's ranks: when the run stands still for longer than its limits, the ranks that hold it up are
/// named with what they were doing, their stacks are written to `stacks/`, and the job ends with the code that asks for a
/// requeue. Lines of all ranks reach the leader's log through it.
package final class RunWatch: Sendable {
  private let server: WatchServer?
  private let client: WatchClient?

  /// The leader's; `address` is for the others.
  package init(leading directory: RunDirectory, limits: WatchLimits, _ logger: Logger) throws {
    let stacks = StackFiles(folder: directory.stacks)
    client = nil
    server = try WatchServer(limits: limits) {
      logger.warning("\($0)")
    } stalled: { culprits in
      logger.error("the run stands still: \(culprits.prefix(8).map(\.text).joined(separator: "; "))")
      let host = ProcessInfo.processInfo.hostName
      for culprit in culprits.prefix(8) where culprit.isSilent && culprit.place.host == host {
        stacks.writeKernels(rank: culprit.rank, process: culprit.place.process)
      }
      stacks.writeOwn(rank: 0)
      logger.error(
        "stacks are in \(stacks.folder.path); the job ends, to be started again (\(ExitCode.requeue.rawValue))"
      )
      Self.end()
    }
  }

  /// Another rank's.
  package init(
    following address: WatchAddress, rank: Int, in directory: RunDirectory, limits: WatchLimits,
    _ logger: Logger
  ) {
    server = nil
    client = WatchClient(
      address, rank: rank, limits: limits, stacks: StackFiles(folder: directory.stacks)
    ) { text in
      logger.error("\(text); the job ends, to be started again (\(ExitCode.requeue.rawValue))")
      Self.end()
    }
  }

  /// Where the leader's watch is reached.
  package var address: WatchAddress? { server?.address }

  /// Hands a line to the leader's log; the leader's own are there already.
  package func log(_ line: String) { client?.log(line) }

  /// The run ends: from now on nobody is missed.
  package func stop() {
    server?.stop()
    client?.stop()
  }

  /// Ranks that were told to write theirs get a moment.
  private static func end() -> Never {
    sleep(2)
    _exit(ExitCode.requeue.rawValue)
  }
}
