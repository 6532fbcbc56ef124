import Checkpointing

/// What of a model a weight file fills.
package enum WeightScope: String, Sendable, CaseIterable {
  /// Everything: `model.init_from`, checkpoints.
  case model
  /// `model.init_image_from`.
  case imageTower = "image tower"
  /// `model.init_text_from`.
  case textTower = "text tower"

  /// What files of a kind usually hold.
  package init(usualFor map: NameMap) {
    switch map.format {
    case NameMap.huggingFaceBERT.format: self = .textTower
    case NameMap.torchvisionResNet50.format: self = .imageTower
    default: self = .model
    }
  }

  /// Whether it takes the tensor of this name here.
  func covers(_ name: String) -> Bool {
    switch self {
    case .model: true
    case .imageTower: name.hasPrefix("visual.")
    case .textTower: !name.hasPrefix("visual.") && name != "logit_scale"
    }
  }

  /// A tower that was trained for something else has another last layer, or none: this one starts afresh.
  func mayStartAfresh(_ name: String) -> Bool {
    self != .model && Self.lastLayers.contains { name == $0 || name.hasPrefix("\($0).") }
  }

  /// A tower that was trained for something else may have had a use for it.
  func mayStayUnused(_ name: String) -> Bool {
    self != .model && (name.hasPrefix("text.pooler.") || mayStartAfresh(name))
  }

  /// The layers to the joint space, of every tower.
  private static let lastLayers = [
    "visual.proj", "visual.fc", "visual.attnpool.c_proj", "text_projection", "text.projection",
  ]
}
