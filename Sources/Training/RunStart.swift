import Basics
import Checkpointing
import Collectives
import Foundation
import RunService

/// Where a run begins: its directory, locked by the leader, and the checkpoint it goes on from.
package struct RunStart {
  /// The run's files.
  package let directory: RunDirectory
  /// The checkpoint to go on from; known to the leader alone, who reads it for all.
  package let checkpoint: URL?
  private let lock: RunLock?

  /// Every rank calls it. The leader makes and locks the directory, picks and verifies the checkpoint, compares
  /// the configuration with the saved one and saves it; an error of the leader's is thrown on all ranks.
  package init(_ plan: RunPlan, _ options: WorkerOptions, _ communicator: any Communicator) throws {
    let directory = RunDirectory(plan.config.runDirectory)
    self.directory = directory
    let opened = try communicator.onLeader {
      try directory.create()
      let lock = try RunLock(at: directory.lock)
      let checkpoint = try Self.checkpoint(options.resume, directory)
      if checkpoint != nil { try Self.checkConfig(plan, options, directory) }
      let yaml = ResolvedConfig.yaml(plan.config.resolved)
      try AtomicFile.write(Data(yaml.utf8), to: directory.config)
      RunLogHandler.attach(directory.log)
      return (lock: lock, checkpoint: checkpoint)
    }
    (lock, checkpoint) = (opened?.lock, opened?.checkpoint)
  }

  private static func checkpoint(_ resume: WorkerOptions.Resume, _ directory: RunDirectory) throws -> URL? {
    let checkpoints = CheckpointDirectory(root: directory.root)
    switch resume {
    case .auto:
      let logger = RunLogHandler.logger(rank: 0)
      return try checkpoints.newestWhole { url, error in
        logger.warning("\(url.lastPathComponent) is damaged and passed over: \(error)")
      }?.url
    case .never:
      guard try checkpoints.steps().isEmpty else {
        throw KelipError(
          "the run directory already holds checkpoints, and --resume never was given", at: directory.root.path,
          hint: "use --resume auto, or set run.directory to a new place")
      }
      return nil
    case .from(let path):
      let url = URL(fileURLWithPath: path, isDirectory: true)
      try CheckpointDirectory.verify(url)
      return url
    }
  }

  private static func checkConfig(_ plan: RunPlan, _ options: WorkerOptions, _ directory: RunDirectory) throws {
    guard !options.acceptConfigChange,
      let saved = try? String(contentsOf: directory.config, encoding: .utf8)
    else { return }
    let differences = try ResolvedConfig.differences(saved: saved, now: plan.config.resolved)
    guard differences.isEmpty else {
      throw KelipError(
        "the configuration differs from the one this run was started with:\n    "
          + differences.joined(separator: "\n    "), at: directory.config.path,
        hint: "restore it, choose another run.directory, or say --accept-config-change")
    }
  }
}
