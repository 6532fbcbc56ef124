import Basics
import Foundation

/// `checkpoints/` of a run's directory: whole checkpoints under `step-00000100/`, unfinished ones beside them
/// under names that end in `.partial-PID`, and the name of the last one in the text file `latest`, of the one that
/// validated best in `best`.
///
/// A checkpoint appears under its name at once and complete, whenever the process or the machine dies. One
/// process at a time writes to a run's directory (the run's lock sees to it).
package struct CheckpointDirectory: Sendable {
  /// `checkpoints/`.
  package let url: URL
  /// What is removed when another one is there.
  package let retention: CheckpointRetention

  /// - Parameter root: the run's directory.
  package init(root: URL, retention: CheckpointRetention = .all) {
    url = root.appendingPathComponent("checkpoints")
    self.retention = retention
  }

  package func url(step: Int) -> URL { url.appendingPathComponent(Self.name(step: step)) }

  /// Steps that have a folder under a final name, in rising order; whether they are whole is not looked at.
  package func steps() throws -> [Int] { try names().compactMap(Self.step(ofName:)).sorted() }

  /// Where an unfinished checkpoint lies.
  ///
  /// - Parameter writer: no other process has ever used it in this directory.
  package func partial(step: Int, writer: String) -> URL {
    precondition(step >= 0, "step \(step)")
    return url.appendingPathComponent("\(Self.name(step: step)).partial-\(writer)")
  }

  /// Any process that writes files of an unfinished checkpoint may call it first.
  package static func createFolder(_ folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw KelipError("cannot be created: \(error.localizedDescription)", at: folder.path)
    }
  }

  /// Makes an unfinished checkpoint, whose files are on the disk, the latest.
  ///
  /// - Parameter records: of all its files, from all that wrote some.
  @discardableResult
  package func commit(_ partial: URL, step: Int, _ records: [FileRecord]) throws -> URL {
    let file = try OutputFile(partial.appendingPathComponent(CheckpointManifest.fileName))
    try file.write(CheckpointManifest(step: step, files: records).encoded())
    try file.finish()
    try AtomicFile.synchronizeFolder(partial)
    try publish(partial, step: step)
    return url(step: step)
  }

  /// The checkpoint with the highest step whose every byte is as it was written; nil when there is none.
  ///
  /// - Parameter damaged: told of each newer one that is not whole, and why.
  package func newestWhole(
    damaged: (URL, any Error) -> Void = { _, _ in }
  ) throws -> (step: Int, url: URL)? {
    for step in try steps().reversed() {
      do {
        try Self.verify(url(step: step))
        return (step, url(step: step))
      } catch {
        damaged(url(step: step), error)
      }
    }
    return nil
  }

  /// Throws where a checkpoint differs from its manifest; reads all its bytes.
  @discardableResult
  package static func verify(_ url: URL) throws -> CheckpointManifest {
    let manifest = try CheckpointManifest(readingFrom: url)
    if let step = step(ofName: url.lastPathComponent), step != manifest.step {
      throw KelipError("the manifest is of step \(manifest.step)", at: url.path)
    }
    try manifest.checkSizes(in: url)
    try manifest.checkDigests(in: url)
    return manifest
  }

  /// `step-00000100`, under which other records of a step stand, too.
  package static func name(step: Int) -> String { "step-\(step.padded(to: 8))" }

  static func step(ofName name: String) -> Int? {
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), self.name(step: step) == name else {
      return nil
    }
    return step
  }

  func names() throws -> [String] {
    guard FileManager.default.fileExists(atPath: url.path) else { return [] }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: url.path)
    } catch {
      throw KelipError("cannot be listed: \(error.localizedDescription)", at: url.path)
    }
  }
}
