import Basics
import Foundation
import Synchronization

/// A file read by position, that outlives failures of its storage: the call is made again, on a new descriptor.
///
/// `pread` moves no shared cursor, so any number of threads may read.
final class PositionalFile: Sendable {
  let path: String
  /// The bytes there were at the time of opening, and which file they are of.
  let identity: FileIdentity
  private let calls: any FileCalls
  private let retry: ReadRetry
  private let state: Mutex<State>

  private struct State {
    var descriptor: Descriptor
    /// One line an episode, however many threads meet it.
    var isReported = false
  }

  /// Closed when the last reader lets go of it: a number that is in use is never given to another file.
  private final class Descriptor: Sendable {
    let number: Int32
    init(_ number: Int32) { self.number = number }
    deinit { close(number) }
  }

  var size: Int { identity.size }

  init(path: String, calls: any FileCalls = SystemFileCalls(), retry: ReadRetry = ShardStorage.retry) throws {
    (self.path, self.calls, self.retry) = (path, calls, retry)
    var episode: ReadRetry.Episode?
    while true {
      let failure: SystemFailure
      do throws(SystemFailure) {
        let (descriptor, identity) = try Self.open(path, calls)
        self.identity = identity
        state = Mutex(State(descriptor: descriptor))
        return
      } catch {
        failure = error
      }
      try Self.pause(&episode, failure, path, retry) { retry.report($0) }
    }
  }

  /// Fills `buffer` from byte `offset` on; fewer bytes come back only at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    var done = 0
    var episode: ReadRetry.Episode?
    while done < buffer.count {
      let descriptor = state.withLock { $0.descriptor }
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = calls.read(descriptor.number, rest, at: offset + done)
      if count == 0 { break }
      if count > 0 {
        done += count
        if episode != nil { state.withLock { $0.isReported = false } }
        episode = nil
      } else if count != -Int(EINTR) {
        let failure = SystemFailure(call: "read \(buffer.count) bytes at byte \(offset)", code: Int32(-count))
        try pause(&episode, failure)
        try reopen(descriptor, &episode)
      }
    }
    return done
  }

  func advise(_ advice: Int32, offset: Int = 0, count: Int = 0) {
    let descriptor = state.withLock { $0.descriptor }
    // Advice only: a refusal changes nothing but speed.
    _ = posix_fadvise(descriptor.number, off_t(offset), off_t(count), advice)
  }

  /// Replaces a descriptor that failed, unless another thread has done so. A file that cannot be opened for now
  /// leaves the old one, which the next read tries again.
  private func reopen(_ failed: Descriptor, _ episode: inout ReadRetry.Episode?) throws {
    let opened: (descriptor: Descriptor, identity: FileIdentity)
    do throws(SystemFailure) {
      opened = try Self.open(path, calls)
    } catch {
      guard error.isTransient else { throw error.told(at: path) }
      return
    }
    guard opened.identity.hasSameContent(as: identity) else {
      throw KelipError(
        "the shard changed while it was read", at: path, hint: "start again when the file is complete")
    }
    state.withLock { if $0.descriptor === failed { $0.descriptor = opened.descriptor } }
  }

  private func pause(_ episode: inout ReadRetry.Episode?, _ failure: SystemFailure) throws {
    try Self.pause(&episode, failure, path, retry) { line in
      let isFirst = state.withLock { state in
        defer { state.isReported = true }
        return !state.isReported
      }
      if isFirst { retry.report(line) }
    }
  }

  private static func pause(
    _ episode: inout ReadRetry.Episode?, _ failure: SystemFailure, _ path: String, _ retry: ReadRetry,
    report: (String) -> Void
  ) throws {
    guard failure.isTransient else { throw failure.told(at: path) }
    if episode == nil {
      episode = ReadRetry.Episode(retry)
      if retry.limitSeconds > 0 {
        report("\(path): cannot \(failure); trying again for up to \(Int(retry.limitSeconds)) s")
      }
    }
    guard episode!.wait() else { throw failure.gaveUp(at: path, after: retry.limitSeconds) }
  }

  private static func open(
    _ path: String, _ calls: any FileCalls
  ) throws(SystemFailure) -> (Descriptor, FileIdentity) {
    let number = calls.open(path)
    guard number >= 0 else { throw SystemFailure(call: "open the shard", code: -number) }
    let descriptor = Descriptor(number)
    var status = stat()
    let result = calls.status(number, &status)
    guard result == 0 else { throw SystemFailure(call: "read the size of the shard", code: -result) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SystemFailure(call: "", code: 0) }
    return (descriptor, FileIdentity(status))
  }
}

/// Which file it is, and which state of it.
struct FileIdentity: Hashable, Sendable {
  let device: UInt64
  let inode: UInt64
  let size: Int
  let modifiedSeconds: Int
  let modifiedNanoseconds: Int

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int(status.st_size)
    modifiedSeconds = status.st_mtim.tv_sec
    modifiedNanoseconds = status.st_mtim.tv_nsec
  }

  /// A file system that was mounted anew may number its files anew.
  func hasSameContent(as other: FileIdentity) -> Bool {
    size == other.size && modifiedSeconds == other.modifiedSeconds
      && modifiedNanoseconds == other.modifiedNanoseconds
  }
}

/// A system call that failed; code 0 stands for a path that is no regular file.
private struct SystemFailure: Error, CustomStringConvertible {
  let call: String
  let code: Int32

  var isTransient: Bool { ReadRetry.isTransient(code) }
  var description: String { "\(call): \(String(cString: strerror(code)))" }

  func told(at path: String) -> KelipError {
    code == 0
      ? KelipError("a shard must be a regular file", at: path, hint: "name the .tar file itself")
      : KelipError("cannot \(self)", at: path)
  }

  func gaveUp(at path: String, after seconds: Double) -> KelipError {
    KelipError(
      "cannot \(self), after trying again for \(Int(seconds)) s", at: path,
      hint: "see to the storage and start again; data.read_retry_seconds sets how long to wait for it",
      exitCode: .fatal)
  }
}
