import Basics
import Kernels

/// A model file: open_clip's keys, and `type` in `vision_cfg` and `text_cfg` where the tower is not one of open_clip's.
package struct ModelConfig: Codable, Sendable, Equatable {
  /// D, the dimension of the joint space.
  package var embedDim: Int
  /// x·σ(1.702 x) in place of the exact GELU, in both towers.
  package var quickGelu: Bool
  package var vision: any ImageTowerConfig
  package var text: any TextTowerConfig

  enum CodingKeys: String, CodingKey, CaseIterable {
    case embedDim = "embed_dim"
    case quickGelu = "quick_gelu"
    case vision = "vision_cfg"
    case text = "text_cfg"
  }

  /// Sizes as given; `validate()` checks them.
  package init(
    embedDim: Int, quickGelu: Bool = false, vision: any ImageTowerConfig, text: any TextTowerConfig
  ) {
    (self.embedDim, self.quickGelu, self.vision, self.text) = (embedDim, quickGelu, vision, text)
  }

  /// `quick_gelu` is false where it is missing; the other keys are needed.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    embedDim = try values.decode(Int.self, forKey: .embedDim)
    quickGelu = try values.decodeIfPresent(Bool.self, forKey: .quickGelu) ?? false
    vision = try values.decode(ImageTowerSection.self, forKey: .vision).config
    text = try values.decode(TextTowerSection.self, forKey: .text).config
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(embedDim, forKey: .embedDim)
    try values.encode(quickGelu, forKey: .quickGelu)
    try values.encode(ImageTowerSection(config: vision), forKey: .vision)
    try values.encode(TextTowerSection(config: text), forKey: .text)
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.embedDim == right.embedDim && left.quickGelu == right.quickGelu
      && left.vision.isEqual(to: right.vision) && left.text.isEqual(to: right.text)
  }

  /// The activation of both towers' MLPs.
  package var activation: Activation { quickGelu ? .quickGELU : .gelu }

  /// The keys of the file itself, for messages about unknown ones; each tower's section has its own.
  package static let knownKeys = CodingKeys.allCases.map(\.rawValue)

  /// The sections of the two towers.
  package static let towerSections = [CodingKeys.vision.rawValue, CodingKeys.text.rawValue]

  /// The keys of a tower's section; nil for a tower that nobody knows.
  ///
  /// - Parameters:
  ///   - type: the section's `type`, if it has one.
  ///   - hasLayerList: whether its `layers` is a list.
  package static func knownKeys(of section: String, type: String?, hasLayerList: Bool) -> [String]? {
    let types: [any TowerConfig.Type] =
      section == CodingKeys.vision.rawValue ? imageTowerTypes : textTowerTypes
    let name =
      type
      ?? (section == CodingKeys.vision.rawValue
        ? defaultImageTower(hasLayerList: hasLayerList) : defaultTextTower)
    return types.first { $0.typeName == name }.map { $0.knownKeys + ["type"] }
  }

  /// Throws when the sizes do not fit each other.
  package func validate() throws {
    try vision.validate()
    try text.validate()
    guard embedDim > 0 else { throw KelipError("embed_dim must be positive, is \(embedDim)") }
  }
}
