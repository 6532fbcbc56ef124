import Foundation

/// Threads whose work can wait: those who compute go first.
package enum LowPriorityThread {
  package static let niceness: Int32 = 10
  private static let stackBytes = 4 << 20

  /// - Parameter name: for those who look at the process from outside, who see its first 15 bytes.
  package static func start(named name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread {
      tellSystem(name)
      // Of this thread alone, on Linux.
      setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
      body()
    }
    thread.stackSize = stackBytes
    thread.start()
  }

  /// `Thread.name` does not always get that far.
  private static func tellSystem(_ name: String) {
    let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = Array(name.utf8.prefix(15)).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }
}
