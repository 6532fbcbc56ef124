import Basics
import Configuration
import Foundation

/// A rules file: rules in the order in which they are applied, and the tokenizer and the model that some of them need.
package struct FilterRules: Sendable {
  /// Every rule that a file may name; a new one is added here.
  static let known: [any FilterRule.Type] = [
    MinSide.self, MaxAspect.self, MaxPixels.self, CleanCaption.self, DropBoilerplate.self,
    CaptionCharacters.self, CaptionTokens.self, Languages.self, ExactDuplicates.self, NearDuplicates.self,
    MaxCaptionRepeats.self, MinSimilarity.self,
  ]

  package let rules: [any FilterRule]
  /// Path of the tokenizer that lengths are measured with.
  package let tokenizer: String?
  package let model: ModelChoice?
  /// Everything that the file decides, as one text, for telling rules apart.
  let description: String
  /// Files whose content is a part of the rules.
  let files: [String]

  package struct ModelChoice: Sendable, Equatable {
    package var config: String
    package var weights: String
    package var tokenizer: String
    package var precision: String
  }

  package init(contentsOf path: String) throws {
    let yaml = try TextFile.read(path, "the rules")
    try self.init(
      yaml: yaml, source: path, folder: URL(fileURLWithPath: path).deletingLastPathComponent())
  }

  /// - Parameters:
  ///   - source: what to call the text in messages: a path.
  ///   - folder: where paths are looked for when nothing lies there from the working directory.
  package init(yaml: String, source: String, folder: URL) throws {
    let reader = try ConfigReader(yaml: yaml, source: source)
    let entries = try reader.mappings("rules")
    guard !entries.isEmpty else {
      throw reader.fault("rules", "no rule", hint: "see configs/data/filter.yaml")
    }
    rules = try entries.map { try Self.rule($0, folder: folder) }
    tokenizer = try reader.optionalString("tokenizer").map { RuleSettings.find($0, from: folder) }
    model = try Self.model(reader, tokenizer: tokenizer, folder: folder)
    try reader.rejectUnknownKeys()
    let lines = entries.flatMap(\.resolved) + reader.resolved.filter { $0.key != "rules" }
    description = lines.map { "\($0.key): \($0.value.text)" }.joined(separator: "\n")
    let named = try entries.compactMap { entry -> String? in
      guard entry.topLevelKeys == [DropBoilerplate.key] else { return nil }
      return RuleSettings.find(try entry.string(DropBoilerplate.key), from: folder)
    }
    files =
      named + [tokenizer].compactMap(\.self)
      + (model.map { [$0.config, $0.weights, $0.tokenizer] } ?? [])
    try check(reader)
  }

  private static func rule(_ entry: ConfigReader, folder: URL) throws -> any FilterRule {
    let keys = entry.topLevelKeys
    guard keys.count == 1, let key = keys.first else {
      throw entry.fault(keys.first ?? "", "a rule is one key with its value, found \(keys.count)")
    }
    guard let type = known.first(where: { $0.key == key }) else {
      let nearest = known.min { ConfigReader.distance($0.key, key) < ConfigReader.distance($1.key, key) }!
      throw entry.fault(key, "unknown rule", hint: "did you mean \(nearest.key)?")
    }
    let rule = try type.init(RuleSettings(reader: entry, key: key, folder: folder))
    try entry.rejectUnknownKeys()
    return rule
  }

  /// `model: {checkpoint: DIR}` or `model: {config: …, weights: …}`.
  private static func model(_ reader: ConfigReader, tokenizer: String?, folder: URL) throws -> ModelChoice? {
    guard reader.contains("model") else { return nil }
    let precision = try reader.string("model.precision", default: "fp32")
    func path(_ key: String, _ fallback: String?) throws -> String {
      RuleSettings.find(try reader.string("model.\(key)", default: fallback), from: folder)
    }
    let checkpoint = try reader.optionalString("model.checkpoint").map { RuleSettings.find($0, from: folder) }
    return ModelChoice(
      config: try path("config", checkpoint.map { "\($0)/model.json" }),
      weights: try path("weights", checkpoint.map { "\($0)/model.safetensors" }),
      tokenizer: try path("tokenizer", checkpoint.map { "\($0)/tokenizer.json" } ?? tokenizer),
      precision: precision)
  }

  private func check(_ reader: ConfigReader) throws {
    if rules.contains(where: { $0.needs.contains(.tokens) }), tokenizer == nil {
      throw reader.fault("tokenizer", "missing", hint: "\(CaptionTokens.key) needs it: give a tokenizer.json")
    }
    if rules.contains(where: { $0.needs.contains(.similarity) }), model == nil {
      throw reader.fault(
        "model", "missing",
        hint: "\(MinSimilarity.key) needs it: give {checkpoint: DIR} or {config:, weights:}")
    }
  }

  var needs: CandidateNeeds { rules.reduce(into: []) { $0.formUnion($1.needs) } }

  /// The largest picture that is decoded.
  var maxPixels: Int? { rules.compactMap { ($0 as? MaxPixels)?.pixels }.min() }
}
