import Basics
import Foundation

/// The files of one run.
package struct RunDirectory: Sendable {
  /// The directory itself.
  package let root: URL

  /// Makes nothing; see `create()`.
  package init(_ path: String) { root = URL(fileURLWithPath: path, isDirectory: true) }

  /// The resolved configuration.
  package var config: URL { root.appendingPathComponent("config.yaml") }
  /// One object a step.
  package var metrics: URL { root.appendingPathComponent("metrics.jsonl") }
  /// The keys of each global batch.
  package var samples: URL { root.appendingPathComponent("samples.jsonl") }
  /// TensorBoard's event files.
  package var tensorboard: URL { root.appendingPathComponent("tensorboard", isDirectory: true) }
  /// Results of evaluations during the run; `latest.json` and `latest.png` are the last one's.
  package var evaluations: URL { root.appendingPathComponent("evaluations", isDirectory: true) }
  /// What the live page asks of those who want to see it.
  package var token: URL { root.appendingPathComponent("token") }
  /// Bad samples.
  package var quarantine: URL { root.appendingPathComponent("quarantine.jsonl") }
  /// Where the threads of ranks stood when the run was found stuck.
  var stacks: URL { root.appendingPathComponent("stacks") }
  /// Log lines with times.
  package var log: URL { root.appendingPathComponent("run.log") }
  /// Held by the leader while the run is alive.
  package var lock: URL { root.appendingPathComponent("lock") }

  /// Makes the directory, its parents too.
  package func create() throws {
    do {
      try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    } catch {
      throw KelipError(
        "cannot make the run directory: \(error.localizedDescription)", at: root.path,
        hint: "set run.directory to a place you may write to")
    }
  }
}
