import Basics
import Foundation
import Synchronization

/// One of TensorBoard's event files. A run that goes on from a checkpoint begins another, which tells TensorBoard to
/// forget the later steps of those before.
///
/// Records are written in the background; see `BackgroundFile`. They say nothing that `metrics.jsonl` does not, so a
/// disk that refuses them for long costs records, not the run.
package final class EventFile: Sendable {
  /// Where the records go.
  package let url: URL
  private let file: BackgroundFile
  private let report: @Sendable (String) -> Void
  private let droppedCount = Atomic<Int>(0)

  private static let namePrefix = "events.out.tfevents."

  /// Makes the folder and a file in it that no one else writes to.
  ///
  /// - Parameters:
  ///   - folder: `RUN/tensorboard`.
  ///   - firstStep: of the steps to come, as they are numbered in `append`.
  ///   - wallTime: seconds since 1970.
  ///   - maximumWaitingBytes: what may wait in memory while the disk refuses.
  ///   - report: gets a line when the disk begins to refuse, and when it takes records again; from any thread.
  package init(
    in folder: URL, firstStep: Int, wallTime: Double, maximumWaitingBytes: Int = 64 << 20,
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw KelipError("cannot make the folder: \(error.localizedDescription)", at: folder.path)
    }
    url = try Self.place(in: folder, wallTime: wallTime)
    self.report = report
    file = try BackgroundFile(
      at: url, isNew: true, maximumWaitingBytes: maximumWaitingBytes, report: report)
    add(EventRecord.version(wallTime: wallTime))
    add(EventRecord.sessionStart(step: firstStep, wallTime: wallTime))
  }

  /// Never waits for the disk.
  ///
  /// - Parameters:
  ///   - wallTime: seconds since 1970.
  ///   - scalars: kept as 32-bit floats; the tags of one call differ.
  package func append(step: Int, wallTime: Double, scalars: [(tag: String, value: Double)]) {
    add(EventRecord.scalars(scalars, step: step, wallTime: wallTime))
  }

  /// Returns when every record is on the disk.
  package func synchronize() throws { try file.synchronize() }

  private func add(_ record: [UInt8]) {
    guard !file.append(record) else { return }
    let (before, _) = droppedCount.add(1, ordering: .relaxed)
    if before == 0 { report("\(url.path): too many records wait for the disk; later ones are dropped") }
  }

  /// TensorBoard reads a folder's files in the order of their names, which begin with the time: later than all that are
  /// there, also when the clock was set back or two files are begun within a second.
  private static func place(in folder: URL, wallTime: Double) throws -> URL {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let times = names.compactMap { name in
      name.hasPrefix(namePrefix) ? Int(name.dropFirst(namePrefix.count).prefix { $0 != "." }) : nil
    }
    let time = max(Int(wallTime), (times.max() ?? 0) + 1)
    let host = ProcessInfo.processInfo.hostName
    return folder.appendingPathComponent("\(namePrefix)\(time.padded(to: 10)).\(host).\(getpid())")
  }
}
