import Foundation
import TestFolders

@testable import Reports

/// The files of a run that never was.
struct MadeUpRun {
  let folder: TemporaryFolder
  let url: URL

  var path: String { url.path }

  /// - Parameter name: of the run's directory, within a folder of its own.
  init(_ name: String = "run") throws {
    folder = try TemporaryFolder()
    url = folder.file(name)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  /// The folder stays until `body` returns.
  func read<Result>(_ name: String = "", _ body: (URL) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(folder) { try body(name.isEmpty ? url : url.appendingPathComponent(name)) }
  }

  /// Of runs that stay until it is read.
  static func report(_ runs: [MadeUpRun]) throws -> RunReport {
    try withExtendedLifetime(runs) {
      try RunReport(runs.map(\.path), time: Date(timeIntervalSince1970: 1_795_370_000))
    }
  }

  var report: RunReport {
    get throws { try Self.report([self]) }
  }

  func write(_ text: String, to name: String) throws {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  /// Six steps in two processes, one validation, one update left out, and things to escape.
  static func whole(_ name: String = "run", lr: String = "0.001") throws -> MadeUpRun {
    let run = try MadeUpRun(name)
    try run.write(config(lr: lr), to: "config.yaml")
    try run.write((1...6).map(line).joined(), to: "metrics.jsonl")
    try run.write(log, to: "run.log")
    try run.write(quarantine, to: "quarantine.jsonl")
    try run.write(evaluation, to: "evaluations/step-00000004.json")
    try run.write("\u{89}PNG not quite", to: "evaluations/latest.png")
    try Data([0x89, 0x50, 0x4E, 0x47, 13, 10]).write(
      to: run.url.appendingPathComponent("evaluations/latest.png"))
    try run.write("step-00000004", to: "checkpoints/latest")
    try run.write("step-00000002\n", to: "checkpoints/best")
    try run.write(String(repeating: "w", count: 1500), to: "checkpoints/step-00000004/model.safetensors")
    try run.write("{}", to: "checkpoints/step-00000004/manifest.json")
    try run.write("half", to: "checkpoints/step-00000006.partial-7-1/model.safetensors")
    return run
  }

  static func config(lr: String) -> String {
    """
    stages: ["contrastive"]
    run:
      seed: 17
    model:
      config: "한국어 <b>&amp; | model.yaml"
    data:
      train: ["a", "b"]
    optimizer:
      steps: 8
      lr: \(lr)

    """
  }

  static let losses = [5.641692485861498, 5.5, 4.123456789012345, 0, 3.3333333333333335, 3.25]

  /// Of step 4 the loss is null.
  static func line(_ step: Int) -> String {
    let loss = step == 4 ? "null" : "\(losses[step - 1])"
    let validation =
      step == 4
      ? ", \"validation_score\": 0.042067307692307696, \"validation_ko_loss\": 10.304817201575212" : ""
    return
      "{\"step\": \(step), \"epoch\": 0, \"samples_seen\": \(step * 24), \"loss\": \(loss), \"lr\": 1e-05, "
      + "\"updated\": \(step != 4), \"samples_per_second\": \(100 * step), \"step_seconds\": 0.5, "
      + "\"data_seconds\": 0.125, \"compute_seconds\": 0.25, \"communication_seconds\": 0.0625\(validation)}\n"
  }

  static let log = """
    2026-11-22T18:00:00Z compute: AVX-512
    2026-11-22T18:00:01Z starting on 2 ranks, 24 pairs a step, 1408481 parameters
    2026-11-22T18:00:30Z warning: step 4: loss nan, gradient norm nan: update skipped on all ranks
    2026-11-22T18:00:31Z error: checkpoint of step 4 could not be saved (1 in a row): disk <full> | `a`
      → make room
    2026-11-22T18:00:40Z warning: loss or gradient were not finite, up to step 5: going back to step 2 on all ranks
    2026-11-22T18:01:00Z compute: AVX-512
    2026-11-22T18:01:01Z resuming from step-00000004 on 3 ranks, 24 pairs a step, 1408481 parameters
    2026-11-22T18:01:10Z warning: step 5: loss nan, gradient norm nan: update skipped on all ranks
    2026-11-22T18:02:00Z stopped at step 6 on a signal; resume with --resume auto

    """

  static let quarantine = """
    {"step": 0, "shard": "s.tar", "reason": "missing_text", "count": 3, "keys": ["k<1>", "k2"]}
    {"step": 2, "key": "000|7", "shard": "s.tar", "reason": "image_corrupt"}
    no JSON

    """

  static let evaluation = """
    {"step": 4, "validation_score": 0.042067307692307696, "validation": [{"language": "ko", "loss": 10.304817201575212, \
    "count": 208, "image_to_text_R@1": 0.04326923076923077, "text_to_image_median_rank": 51}]}

    """
}
