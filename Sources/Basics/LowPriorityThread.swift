import Foundation

/// Threads whose work can wait: those who compute go first.
package enum LowPriorityThread {
  package static let niceness: Int32 = 10
  private static let stackBytes = 4 << 20

  /// - Parameter name: for those who look at the process from outside, who see its first 15 bytes.
  package static func start(named name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread {
      Thread.current.name = name
      // Of this thread alone, on Linux.
      setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
      body()
    }
    thread.stackSize = stackBytes
    thread.start()
  }
}
