import Basics

/// The `type` key of a tower's section.
private struct TypeKey: CodingKey {
  var stringValue: String { "type" }
  var intValue: Int? { nil }
  init() {}
  init?(stringValue: String) { guard stringValue == "type" else { return nil } }
  init?(intValue: Int) { return nil }
}

/// Sections of open_clip's own towers are told by their keys, and are written without `type`, which open_clip does not
/// know; others name theirs.
private func typeName(_ decoder: any Decoder) throws -> String? {
  try decoder.container(keyedBy: TypeKey.self).decodeIfPresent(String.self, forKey: TypeKey())
}

private func unknown(_ name: String, _ known: [String], _ decoder: any Decoder) -> DecodingError {
  .dataCorrupted(
    .init(
      codingPath: decoder.codingPath + [TypeKey()],
      debugDescription: "unknown tower \"\(name)\", known are \(known.joined(separator: ", "))"))
}

/// open_clip's rule: a list of layers is a ResNet's, a number a transformer's.
func defaultImageTower(hasLayerList: Bool) -> String { hasLayerList ? "modified_resnet" : "vit" }
let defaultTextTower = "clip"

private enum LayerKey: String, CodingKey {
  case layers

  static func isList(_ decoder: any Decoder) -> Bool {
    let values = try? decoder.container(keyedBy: Self.self)
    return (try? values?.decode([Int].self, forKey: .layers)) != nil
  }
}

/// Codes `vision_cfg`.
struct ImageTowerSection: Codable {
  var config: any ImageTowerConfig

  init(config: any ImageTowerConfig) { self.config = config }

  init(from decoder: any Decoder) throws {
    let name = try typeName(decoder) ?? defaultImageTower(hasLayerList: LayerKey.isList(decoder))
    guard let type = imageTowerTypes.first(where: { $0.typeName == name }) else {
      throw unknown(name, imageTowerTypes.map { $0.typeName }, decoder)
    }
    config = try type.init(from: decoder)
  }

  func encode(to encoder: any Encoder) throws {
    try config.encode(to: encoder)
    guard ![false, true].map(defaultImageTower).contains(type(of: config).typeName) else { return }
    var values = encoder.container(keyedBy: TypeKey.self)
    try values.encode(type(of: config).typeName, forKey: TypeKey())
  }
}

/// Codes `text_cfg`.
struct TextTowerSection: Codable {
  var config: any TextTowerConfig

  init(config: any TextTowerConfig) { self.config = config }

  init(from decoder: any Decoder) throws {
    let name = try typeName(decoder) ?? defaultTextTower
    guard let type = textTowerTypes.first(where: { $0.typeName == name }) else {
      throw unknown(name, textTowerTypes.map { $0.typeName }, decoder)
    }
    config = try type.init(from: decoder)
  }

  func encode(to encoder: any Encoder) throws {
    try config.encode(to: encoder)
    guard type(of: config).typeName != defaultTextTower else { return }
    var values = encoder.container(keyedBy: TypeKey.self)
    try values.encode(type(of: config).typeName, forKey: TypeKey())
  }
}
