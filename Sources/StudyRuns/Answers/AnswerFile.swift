import Basics
import Foundation

/// `eval-NAME.json`: a line that says which model was asked what, then the answer as `kelip eval --json` prints it.
struct AnswerFile {
  let url: URL
  /// The first line that an answer to this question about this model has.
  private let heading: String

  /// - Parameter checkpoint: a whole one.
  init(_ run: StudyRun, _ question: StudyQuestion, precision: String) throws {
    url = run.directory.appendingPathComponent("eval-\(question.name).json")
    let manifest = run.checkpoint.appendingPathComponent("manifest.json")
    guard let bytes = try? Data(contentsOf: manifest) else {
      throw KelipError("not there or not to be read", at: manifest.path, hint: "evaluate whole checkpoints")
    }
    heading =
      JSONText.object([
        ("checkpoint", .string(run.checkpoint.lastPathComponent)),
        // Names every file of the checkpoint with its checksum.
        ("manifest", .string(XXH3Hasher.hexDigest(of: [UInt8](bytes)))),
        ("precision", .string(precision)),
        ("question", .array(question.arguments.map(JSONText.string))),
      ]).text
  }

  /// The answer's lines, or nil where there is none about this very model and question.
  func lines() -> [String]? {
    guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
    let lines = text.split(separator: "\n").map(String.init)
    return lines.first == heading ? Array(lines.dropFirst()) : nil
  }

  func write(_ answer: String) throws {
    let lines = answer.split(separator: "\n").map(String.init).filter { $0.hasPrefix("{") }
    try AtomicFile.write(Data(([heading] + lines).joined(separator: "\n").appending("\n").utf8), to: url)
  }
}
