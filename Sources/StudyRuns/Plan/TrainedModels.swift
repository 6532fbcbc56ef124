import Basics
import Foundation

/// Models that were trained before a study.
package enum TrainedModels {
  /// - Parameters:
  ///   - paths: checkpoints, or directories of runs: their newest checkpoint.
  ///   - directory: the study's; the answers about each model go to a folder there.
  package static func runs(_ paths: [String], in directory: URL) throws -> [StudyRun] {
    var names: [String] = []
    return try paths.map { path in
      let checkpoint = try self.checkpoint(path)
      let name = freeName(self.name(of: checkpoint), names)
      names.append(name)
      return StudyRun(
        variant: "given models", seed: nil, name: name,
        directory: directory.appendingPathComponent(name), training: nil, checkpoint: checkpoint)
    }
  }

  private static func checkpoint(_ path: String) throws -> URL {
    let folder = URL(fileURLWithPath: path).standardizedFileURL
    func isCheckpoint(_ url: URL) -> Bool {
      FileManager.default.fileExists(atPath: url.appendingPathComponent("manifest.json").path)
    }
    if isCheckpoint(folder) { return folder }
    let checkpoints = folder.appendingPathComponent("checkpoints")
    if let latest = try? String(contentsOf: checkpoints.appendingPathComponent("latest"), encoding: .utf8) {
      let newest = checkpoints.appendingPathComponent(latest.trimmingCharacters(in: .whitespacesAndNewlines))
      if isCheckpoint(newest) { return newest }
    }
    throw KelipError("no checkpoint", at: path, hint: "give checkpoints or directories of runs")
  }

  /// RUN/checkpoints/step-00000200 is named RUN.
  private static func name(of checkpoint: URL) -> String {
    let folder = checkpoint.deletingLastPathComponent()
    guard folder.lastPathComponent == "checkpoints" else { return checkpoint.lastPathComponent }
    return folder.deletingLastPathComponent().lastPathComponent
  }

  private static func freeName(_ name: String, _ taken: [String]) -> String {
    guard taken.contains(name) else { return name }
    return (2...).lazy.map { "\(name)-\($0)" }.first { !taken.contains($0) }!
  }
}
