import Basics
import Configuration
import Foundation
import Towers
import Yams

/// Reads a model file: YAML or JSON with open_clip's keys.
package enum ModelFile {
  /// - Throws: a `KelipError` that names file and key for what cannot be read, is unknown or does not fit.
  package static func load(_ path: String) throws -> ModelConfig {
    let text = try TextFile.read(path, "the model file")
    return try parse(text, source: path)
  }

  /// The same from text.
  ///
  /// - Parameter source: what to call the text in messages: a path.
  package static func parse(_ text: String, source: String) throws -> ModelConfig {
    do {
      try rejectUnknownKeys(text, source: source)
      let config = try YAMLDecoder().decode(ModelConfig.self, from: text)
      try config.validate()
      return config
    } catch let error as DecodingError {
      throw KelipError(
        "not a model file: \(describe(error))", at: source, hint: "needed: embed_dim, vision_cfg, text_cfg")
    } catch let error as KelipError {
      throw KelipError(
        error.message, at: error.location.map { "\(source): \($0)" } ?? source, hint: error.hint)
    } catch {
      throw KelipError("not YAML or JSON: \(error)", at: source)
    }
  }

  /// The same keys as JSON, as they lie beside a checkpoint.
  package static func json(_ config: ModelConfig) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(config)
  }

  private static func rejectUnknownKeys(_ text: String, source: String) throws {
    guard let root = try Yams.compose(yaml: text)?.mapping else {
      throw KelipError("expected a mapping with embed_dim, vision_cfg and text_cfg")
    }
    try rejectUnknownKeys(of: root, known: ModelConfig.knownKeys, at: "")
    for section in ModelConfig.towerSections {
      guard let mapping = root[Node(section)]?.mapping else { continue }
      let known = ModelConfig.knownKeys(
        of: section, type: mapping["type"]?.string, hasLayerList: mapping["layers"]?.sequence != nil)
      // A tower that nobody knows is refused by name later.
      guard let known else { continue }
      try rejectUnknownKeys(of: mapping, known: known, at: "\(section).")
    }
  }

  private static func rejectUnknownKeys(of mapping: Node.Mapping, known: [String], at prefix: String) throws {
    for key in mapping.keys.compactMap(\.string) where !known.contains(key) {
      let nearest = known.min { ConfigReader.distance($0, key) < ConfigReader.distance($1, key) }!
      throw KelipError("unknown key", at: "\(prefix)\(key)", hint: "did you mean \(nearest)?")
    }
  }

  private static func describe(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context):
      "missing \((context.codingPath + [key]).map(\.stringValue).joined(separator: "."))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      "\(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
    @unknown default: "\(error)"
    }
  }
}
