import Basics
import Foundation
import Logging
import Synchronization

/// Sends log lines to standard error and, once the run directory is known, to `run.log`.
package struct RunLogHandler: LogHandler {
  /// Kept, and not shown.
  package var metadata: Logger.Metadata = [:]
  /// Lines below it are dropped.
  package var logLevel: Logger.Level = .info
  private let rank: Int
  private static let file = Mutex<FileHandle?>(nil)
  private static let leader = Mutex<(@Sendable (String) -> Void)?>(nil)

  /// - Parameter rank: named at the head of each line, but for 0.
  package init(rank: Int) { self.rank = rank }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// A logger of this rank; ranks other than 0 only pass warnings on, so that a cluster's log stays readable.
  package static func logger(rank: Int) -> Logger {
    var logger = Logger(label: "kelip") { _ in RunLogHandler(rank: rank) }
    logger.logLevel = rank == 0 ? .info : .warning
    return logger
  }

  /// From now on lines also go to the end of this file.
  package static func attach(_ url: URL) throws {
    let descriptor = open(url.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw KelipError.posix("open", at: url.path) }
    file.withLock { $0 = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true) }
  }

  /// From now on lines of other ranks than 0 also go here, on their way to the leader's `run.log`; nil for no more.
  package static func forward(to sink: (@Sendable (String) -> Void)?) { leader.withLock { $0 = sink } }

  /// Writes one line to both places; a log file that cannot be written to loses the line, not the run.
  package func log(event: LogEvent) {
    let prefix = event.level >= .warning ? "\(event.level): " : ""
    let origin = rank == 0 ? "" : "[rank \(rank)] "
    let text = "\(origin)\(prefix)\(event.message)\n"
    // On a terminal the progress line stands there without an end.
    let start = isatty(STDERR_FILENO) == 1 ? "\r\u{1B}[K" : ""
    FileHandle.standardError.write(Data((start + text).utf8))
    guard rank == 0 else {
      Self.leader.withLock { $0 }?("\(prefix)\(event.message)")
      return
    }
    let stamp = Date().formatted(.iso8601)
    Self.file.withLock { try? $0?.write(contentsOf: Data("\(stamp) \(text)".utf8)) }
  }
}
