import Basics
import Charts
import Checkpointing
import Evaluation
import Foundation
import RunService
import ShardStream

/// The leader's files of a validation: `evaluations/step-00000100.json`, `latest.json`, and `latest.png` with sample
/// queries and the pictures they found. They are written beside training; what goes wrong costs them alone.
final class ValidationFiles {
  private let folder: URL
  private let samples: EvaluationSamples
  private let warn: @Sendable (String) -> Void
  private var job: BackgroundJob<Void>?
  private static let queriesShown = 10

  init(_ folder: URL, _ samples: EvaluationSamples, warn: @escaping @Sendable (String) -> Void) {
    (self.folder, self.samples, self.warn) = (folder, samples, warn)
  }

  /// Waits for the last one's first.
  func write(_ result: ValidationResult, step: Int) {
    finish()
    let text = Self.json(result, step: step)
    job = BackgroundJob { [folder, samples] in
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let name = "\(CheckpointDirectory.name(step: step)).json"
      try AtomicFile.write(text, to: folder.appendingPathComponent(name))
      try AtomicFile.write(text, to: folder.appendingPathComponent("latest.json"))
      try Self.draw(result, samples, to: folder.appendingPathComponent("latest.png"))
    }
  }

  func finish() {
    if case .failure(let error) = job?.wait() { warn("evaluation files: \(error)") }
    job = nil
  }

  private static func draw(_ result: ValidationResult, _ samples: EvaluationSamples, to url: URL) throws {
    let queries = try result.languages.flatMap { found in
      try ContactSheet.queries(
        queriesShown, over: found.features, numbers: found.numbers, language: found.language
      ) { try samples.caption(found.numbers[$0]) }
    }
    try ContactSheet(font: try ChartFont.open()).write(queries, to: url) { try samples.picture($0) }
  }

  private static func json(_ result: ValidationResult, step: Int) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let sets = result.languages.map { found in
      let report = String(decoding: try! encoder.encode(found.report), as: UTF8.self)
      let head = JSONText.object([("language", .string(found.language)), ("loss", .number(found.loss))]).text
      return "\(head.dropLast()), \(report.dropFirst())"
    }
    let head = JSONText.object([
      ("step", .integer(step)), ("validation_score", .number(result.score)),
    ]).text
    return Data("\(head.dropLast()), \"validation\": [\(sets.joined(separator: ", "))]}\n".utf8)
  }
}
