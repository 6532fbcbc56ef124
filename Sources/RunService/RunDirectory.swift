import Basics
import Foundation

/// The files of one run.
package struct RunDirectory: Sendable {
  package let root: URL

  package init(_ path: String) { root = URL(fileURLWithPath: path, isDirectory: true) }

  package var config: URL { root.appendingPathComponent("config.yaml") }
  package var metrics: URL { root.appendingPathComponent("metrics.jsonl") }
  package var samples: URL { root.appendingPathComponent("samples.jsonl") }
  package var quarantine: URL { root.appendingPathComponent("quarantine.jsonl") }
  package var log: URL { root.appendingPathComponent("run.log") }
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
