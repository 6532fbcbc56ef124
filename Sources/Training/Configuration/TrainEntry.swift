import Basics
import Captions
import Configuration

/// An entry of `data.train`: shards, how much of them, and in which language.
package struct TrainEntry: Sendable, Equatable {
  /// For people; no two entries have the same.
  package var name: String
  /// As written: folders, globs, files.
  package var shards: [String]
  /// Its part of every batch, beside the other entries' weights; nil for as much as it has samples.
  package var weight: Double?
  /// Only samples in this language; nil for all.
  package var language: CaptionLanguage?

  package init(name: String, shards: [String], weight: Double? = nil, language: CaptionLanguage? = nil) {
    (self.name, self.shards, self.weight, self.language) = (name, shards, weight, language)
  }

  var resolved: JSONText {
    .object([
      ("name", .string(name)), ("shards", .array(shards.map(JSONText.string))),
      ("weight", weight.map(JSONText.number) ?? .null),
      ("language", language.map { .string($0.tag) } ?? .null),
    ])
  }

  /// A text or a list of texts is one entry.
  static func read(_ reader: ConfigReader, _ key: String) throws -> [TrainEntry] {
    guard reader.hasMappings(key) else {
      return [TrainEntry(name: "all", shards: try reader.strings(key))]
    }
    var entries: [TrainEntry] = []
    for item in try reader.mappings(key) { entries.append(try read(item, besides: entries.map(\.name))) }
    guard entries.allSatisfy({ ($0.weight == nil) == (entries[0].weight == nil) }) else {
      throw reader.fault(
        key, "some entries have a weight and some have none", hint: "give every entry a weight, or none")
    }
    reader.record(key, .array(entries.map(\.resolved)))
    return entries
  }

  private static func read(_ reader: ConfigReader, besides names: [String]) throws -> TrainEntry {
    let shards = try reader.strings("shards")
    let weight = try reader.optionalNumber("weight", in: WholeWeights.range)
    let language = try reader.optionalString("language").map { try Self.language($0, reader) }
    let name = try reader.optionalString("name") ?? freeName(language?.tag ?? shards[0], names)
    try reader.rejectUnknownKeys()
    guard !names.contains(name) else {
      throw reader.fault("name", "another entry is named \"\(name)\" too")
    }
    return TrainEntry(name: name, shards: shards, weight: weight, language: language)
  }

  private static func language(_ tag: String, _ reader: ConfigReader) throws -> CaptionLanguage {
    guard let language = CaptionLanguage(tag: tag) else {
      let known = CaptionLanguage.allCases.map(\.tag).joined(separator: ", ")
      throw reader.fault("language", "unknown value \"\(tag)\"", hint: "one of: \(known)")
    }
    return language
  }

  private static func freeName(_ name: String, _ taken: [String]) -> String {
    guard taken.contains(name) else { return name }
    return (2...).lazy.map { "\(name) \($0)" }.first { !taken.contains($0) }!
  }
}

/// Weights as the order needs them: whole numbers in the same proportion.
enum WholeWeights {
  /// Six decimals count.
  private static let scale = 1e6
  static let range = 1e-6...1e12

  static func from(_ weights: [Double]) -> [Int] {
    let scaled = weights.map { Int(($0 * scale).rounded()) }
    let divisor = scaled.reduce(0, greatestCommonDivisor)
    return scaled.map { $0 / divisor }
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }
}
