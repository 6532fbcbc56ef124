import Basics
import Foundation
import Synchronization

/// A file that bytes are appended to in the background.
///
/// While the disk refuses them they wait in memory, and the rest of a piece follows what of it was written; so nothing
/// is lost and nothing is torn as long as the process lives.
final class BackgroundFile: @unchecked Sendable {
  // Safe to share: everything that changes is touched on `queue` alone, but for the count of waiting bytes.
  let path: String
  private let descriptor: Int32
  private let maximumWaitingBytes: Int
  private let report: @Sendable (String) -> Void
  private let queue = DispatchQueue(label: "kelip.records")
  private var pending: [UInt8] = []
  private var failure: KelipError?
  private var isRetryPlanned = false
  private let waitingBytes = Atomic<Int>(0)

  private static let retrySeconds = 1.0

  /// Opens for appending; what is there stays.
  ///
  /// - Parameters:
  ///   - isNew: a file that is there already is an error.
  ///   - maximumWaitingBytes: what may wait in memory.
  ///   - report: gets a line when the disk begins to refuse, and when it takes bytes again; from any thread.
  init(
    at url: URL, isNew: Bool = false, maximumWaitingBytes: Int, report: @escaping @Sendable (String) -> Void
  ) throws {
    path = url.path
    self.maximumWaitingBytes = maximumWaitingBytes
    self.report = report
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (isNew ? O_EXCL : 0), 0o644)
    guard descriptor >= 0 else { throw KelipError.posix("open", at: path) }
  }

  deinit {
    _ = writePending()
    close(descriptor)
  }

  /// Never waits for the disk.
  ///
  /// - Returns: false, with nothing taken, when so much waits already that there is no room for these.
  func append(_ bytes: [UInt8]) -> Bool {
    guard waitingBytes.load(ordering: .relaxed) + bytes.count <= maximumWaitingBytes else { return false }
    waitingBytes.add(bytes.count, ordering: .relaxed)
    queue.async { [self] in
      pending += bytes
      if failure == nil { drain() }
    }
    return true
  }

  /// Returns when everything is on the disk.
  func synchronize() throws {
    try queue.sync {
      drain()
      if let failure { throw failure }
      guard fsync(descriptor) == 0 else { throw KelipError.posix("fsync", at: path) }
    }
  }

  /// Drops what lies after `count` bytes; before the first `append`.
  func truncate(to count: Int) throws {
    guard ftruncate(descriptor, off_t(count)) == 0 else { throw KelipError.posix("ftruncate", at: path) }
  }

  private func drain() {
    if let error = writePending() {
      refuse(error)
    } else if failure != nil {
      failure = nil
      report("\(path) takes records again; none is lost")
    }
  }

  /// - Returns: why something is left.
  private func writePending() -> KelipError? {
    var done = 0
    defer {
      pending.removeFirst(done)
      waitingBytes.subtract(done, ordering: .relaxed)
    }
    while done < pending.count {
      let count = pending.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, $0.count - done) }
      if count >= 0 {
        done += count
      } else if errno != EINTR {
        return .posix("write", at: path)
      }
    }
    return nil
  }

  private func refuse(_ error: KelipError) {
    if failure == nil { report("records wait in memory: \(error)") }
    failure = error
    guard !isRetryPlanned else { return }
    isRetryPlanned = true
    queue.asyncAfter(deadline: .now() + Self.retrySeconds) { [weak self] in
      self?.isRetryPlanned = false
      self?.drain()
    }
  }
}
