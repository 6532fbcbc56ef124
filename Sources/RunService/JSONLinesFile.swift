import Basics
import Foundation
import Synchronization

/// A file of one JSON object a line that is only ever appended to. Each object begins with its `step`, and steps never
/// fall.
///
/// Lines are written in the background. While the disk refuses them they wait in memory, and the rest of a line follows
/// what of it was written; so nothing is lost and no line is torn as long as the process lives.
package final class JSONLinesFile: @unchecked Sendable {
  // Safe to share: everything that changes is touched on `queue` alone, but for the count of waiting bytes.
  private let descriptor: Int32
  private let path: String
  private let report: @Sendable (String) -> Void
  private let queue = DispatchQueue(label: "kelip.records")
  private var pending: [UInt8] = []
  private var failure: KelipError?
  private let waitingBytes = Atomic<Int>(0)

  /// What may wait in memory.
  private static let maximumWaitingBytes = 256 << 20
  private static let retrySeconds = 1.0

  /// Opens for appending. Lines at the end whose `step` is larger than this one, or that are torn, are dropped first,
  /// so that a resumed run writes each step once.
  ///
  /// - Parameter report: gets a line when the disk begins to refuse, and when it takes lines again; from any thread.
  package init(
    at url: URL, keepingThrough step: Int, report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    path = url.path
    self.report = report
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw KelipError.posix("open", at: path) }
    try truncate(keepingThrough: step)
  }

  deinit {
    drain()
    close(descriptor)
  }

  /// One line.
  package func append(_ object: JSONText) throws { try append(line: object.text) }

  /// Never waits for the disk.
  ///
  /// - Parameter line: one JSON object without a line break.
  /// - Throws: when the disk has refused lines for so long that memory would run out.
  package func append(line: String) throws {
    let bytes = Array("\(line)\n".utf8)
    guard waitingBytes.load(ordering: .relaxed) + bytes.count <= Self.maximumWaitingBytes else {
      throw KelipError(
        "\(Self.maximumWaitingBytes >> 20) MB of records wait for the disk", at: path,
        hint: "make room, or mend the file system", exitCode: .fatal)
    }
    waitingBytes.add(bytes.count, ordering: .relaxed)
    queue.async { [self] in
      pending += bytes
      if failure == nil { drain() }
    }
  }

  /// Returns when every line is on the disk.
  package func synchronize() throws {
    try queue.sync {
      drain()
      if let failure { throw failure }
      guard fsync(descriptor) == 0 else { throw KelipError.posix("fsync", at: path) }
    }
  }

  private func drain() {
    var done = 0
    while done < pending.count {
      let count = pending.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, $0.count - done) }
      if count >= 0 {
        done += count
      } else if errno != EINTR {
        refuse(.posix("write", at: path))
        break
      }
    }
    pending.removeFirst(done)
    waitingBytes.subtract(done, ordering: .relaxed)
    if pending.isEmpty, failure != nil {
      failure = nil
      report("\(path) takes records again; none is lost")
    }
  }

  private func refuse(_ error: KelipError) {
    if failure == nil { report("records wait in memory: \(error)") }
    failure = error
    queue.asyncAfter(deadline: .now() + Self.retrySeconds) { [weak self] in self?.drain() }
  }

  /// Looks from the end backwards: what is dropped is short, while the file may be very long.
  private func truncate(keepingThrough step: Int) throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    let newline = UInt8(ascii: "\n")
    var end = bytes.lastIndex(of: newline).map { $0 + 1 } ?? 0
    while end > 0 {
      let start = bytes[..<(end - 1)].lastIndex(of: newline).map { $0 + 1 } ?? 0
      if let found = Self.step(ofLine: bytes[start..<end]), found <= step { break }
      end = start
    }
    guard end < bytes.count else { return }
    guard ftruncate(descriptor, off_t(end)) == 0 else { throw KelipError.posix("ftruncate", at: path) }
  }

  private static func step(ofLine line: Data) -> Int? {
    (try? JSONDecoder().decode(Numbered.self, from: line))?.step
  }

  private struct Numbered: Decodable {
    var step: Int
  }
}
