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
      try RunLogHandler.attach(directory.log)
      let checkpoint = try Self.checkpoint(options.resume, directory)
      if let checkpoint {
        try Self.checkConfig(plan, options, checkpoint)
        try Self.checkShards(plan, options, checkpoint)
      }
      let yaml = ResolvedConfig.yaml(plan.config.resolved)
      try AtomicFile.write(Data(yaml.utf8), to: directory.config)
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
          "the run directory already holds checkpoints, and --resume never was given",
          at: directory.root.path,
          hint: "use --resume auto, or set run.directory to a new place")
      }
      return nil
    case .from(let path):
      let url = URL(fileURLWithPath: path, isDirectory: true).standardizedFileURL
      let manifest: CheckpointManifest
      do {
        manifest = try CheckpointDirectory.verify(url)
      } catch let error as KelipError {
        throw KelipError(
          error.message, at: error.location,
          hint: error.hint ?? "--resume takes auto, never, or a checkpoint's directory")
      }
      try refuseBranching(from: url, step: manifest.step, checkpoints)
      return url
    }
  }

  /// A run that goes on from `url` must not find checkpoints of another past: were it to stop before it has overtaken
  /// them, `--resume auto` would go on from those.
  private static func refuseBranching(
    from url: URL, step: Int, _ checkpoints: CheckpointDirectory
  ) throws {
    let others = try checkpoints.steps().filter {
      $0 >= step
        && checkpoints.url(step: $0).resolvingSymlinksInPath().path != url.resolvingSymlinksInPath().path
    }
    guard !others.isEmpty else { return }
    let names = others.map { checkpoints.url(step: $0).lastPathComponent }.joined(separator: ", ")
    throw KelipError(
      "the run directory holds checkpoints that \(url.lastPathComponent) does not lead to: \(names)",
      at: checkpoints.url.path, hint: "move or remove them, or set run.directory to a new place")
  }

  /// With other numbers of samples the order of the data is another one, and the run would not go on where it stopped.
  private static func checkShards(_ plan: RunPlan, _ options: WorkerOptions, _ checkpoint: URL) throws {
    let saved = try RunCheckpoint.state(checkpoint).shards
    guard !options.acceptConfigChange, let saved, saved != plan.shardsDigest else { return }
    throw KelipError(
      "the shards have other names or numbers of samples than when this checkpoint was written",
      at: "data.train",
      hint: "restore them, choose another run.directory, or say --accept-config-change for another order")
  }

  /// Against the configuration of the run that wrote the checkpoint; one that was copied away from its run has none.
  private static func checkConfig(_ plan: RunPlan, _ options: WorkerOptions, _ checkpoint: URL) throws {
    let folder = checkpoint.deletingLastPathComponent().deletingLastPathComponent()
    let file = RunDirectory(folder.path).config
    guard !options.acceptConfigChange, let saved = try? String(contentsOf: file, encoding: .utf8) else {
      return
    }
    let differences = try ResolvedConfig.differences(saved: saved, now: plan.config.resolved)
    guard differences.isEmpty else {
      throw KelipError(
        "the configuration differs from the one this run was started with:\n    "
          + differences.joined(separator: "\n    "), at: file.path,
        hint: "restore it, choose another run.directory, or say --accept-config-change")
    }
  }
}
