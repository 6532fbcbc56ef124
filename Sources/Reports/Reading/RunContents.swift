import Basics
import Foundation
import RunService

/// All that a report tells of one run, read from its directory.
struct RunContents {
  /// The directory's own name, or as much of the path as tells runs apart.
  var name: String
  let path: String
  let config: ConfigText
  let log: RunLog
  let metrics: MetricsTable
  let quarantine: Quarantine
  let checkpoints: CheckpointList
  let evaluations: EvaluationRecords
  /// A process of this machine is at it.
  let isHeld: Bool

  /// Files that are missing or cannot be read become notes.
  ///
  /// - Throws: where the directory is none of a run, or its metrics cannot be read.
  init(_ path: String) throws {
    let directory = RunDirectory(path)
    let files = [directory.config, directory.metrics].map(\.path)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
      throw KelipError(
        "no such directory", at: path, hint: "name a run's directory: run.directory of its configuration")
    }
    guard files.contains(where: FileManager.default.fileExists) else {
      throw KelipError(
        "no run: there is neither config.yaml nor metrics.jsonl", at: path,
        hint: "name a run's directory: run.directory of its configuration")
    }
    self.path = directory.root.standardizedFileURL.path
    name = directory.root.standardizedFileURL.lastPathComponent
    config = ConfigText(directory.config)
    log = try RunLog(directory.log)
    metrics = try MetricsTable(directory.metrics, sessions: log.sessions.map(\.steps))
    quarantine = try Quarantine(directory.quarantine)
    checkpoints = CheckpointList(root: directory.root)
    evaluations = EvaluationRecords(folder: directory.evaluations)
    isHeld = FileLocks.isHeld(directory.lock)
  }

  var notes: [String] {
    config.notes + metrics.notes + log.notes + quarantine.notes + checkpoints.notes + evaluations.notes
  }
}
