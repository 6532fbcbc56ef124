import Basics
import Foundation

/// Keeps a second run out of a run directory. The kernel lets go of it when the holder dies, however it dies.
package final class RunLock {
  private let descriptor: Int32

  /// - Throws: when another live process holds it; the message names host and process.
  package init(at url: URL) throws {
    descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw KelipError.posix("open", at: url.path)
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK else {
        let error = KelipError.posix("flock", at: url.path)
        close(descriptor)
        throw error
      }
      let holder = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
      close(descriptor)
      throw KelipError(
        "another run holds this directory: \(holder.trimmingCharacters(in: .whitespacesAndNewlines))",
        at: url.path,
        hint: "wait for it, stop it, or set run.directory to another place")
    }
    writeHolder()
  }

  deinit { close(descriptor) }

  private func writeHolder() {
    let text = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)\n"
    ftruncate(descriptor, 0)
    // The text is for people only; the lock itself is the kernel's.
    _ = text.utf8CString.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count - 1) }
  }
}
