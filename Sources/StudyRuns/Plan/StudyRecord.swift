import Basics
import Configuration
import Foundation

/// `study.json`: what the models in a study's directory were made of. More seeds and variants may join them; a variant
/// whose settings changed would mix two things under one name.
struct StudyRecord {
  private typealias Settings = [(key: String, value: JSONText)]

  private let url: URL

  init(_ directory: URL) { url = directory.appendingPathComponent("study.json") }

  /// Writes down the runs' settings.
  ///
  /// - Throws: `KelipError` where a variant stands there with others; the message names the first that differs.
  func agree(with runs: [StudyRun]) throws {
    var variants = try recorded()
    for run in runs {
      guard let settings = run.training?.settings else { continue }
      if let known = variants.first(where: { $0.name == run.variant }) {
        try compare(known.settings, settings, run.variant)
      } else {
        variants.append((run.variant, settings))
      }
    }
    let text = JSONText.object([("variants", .object(variants.map { ($0.name, Self.object($0.settings)) }))])
    try AtomicFile.write(Data((text.text + "\n").utf8), to: url)
  }

  private static func object(_ settings: Settings) -> JSONText {
    .object(settings.map { ($0.key, $0.value) })
  }

  private func recorded() throws -> [(name: String, settings: Settings)] {
    guard FileManager.default.fileExists(atPath: url.path) else { return [] }
    // JSON is YAML.
    let reader = try ConfigReader(yaml: TextFile.read(url.path, "the study's record"), source: url.path)
    return try reader.members("variants").map { name, value in
      guard case .object(let settings) = value else {
        throw KelipError("the study's record is damaged", at: url.path, hint: "take another directory")
      }
      return (name, settings.map { (key: $0.0, value: $0.1) })
    }
  }

  private func compare(_ old: Settings, _ new: Settings, _ variant: String) throws {
    func texts(_ settings: Settings) -> [String: String] {
      Dictionary(settings.map { ($0.key, $0.value.text) }) { $1 }
    }
    let (before, now) = (texts(old), texts(new))
    let keys = Set(before.keys).union(now.keys).filter { before[$0] != now[$0] }.sorted()
    guard let first = keys.first else { return }
    let others = keys.count > 1 ? " (and \(keys[1...].joined(separator: ", ")))" : ""
    throw KelipError(
      "variant \(variant) was trained with \(first): \(before[first] ?? "not given"), "
        + "the plan now has \(now[first] ?? "it not given")\(others)",
      at: url.path, hint: "take another directory, or put the plan back")
  }
}
