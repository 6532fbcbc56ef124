import Basics
import Kernels

/// The image towers there are. A new one is a file with its configuration and its tower, and an entry here.
package let imageTowerTypes: [any ImageTowerConfig.Type] = [
  VisionTransformerConfig.self, ModifiedResNetConfig.self, ResNet50Config.self,
]

/// The text towers there are.
package let textTowerTypes: [any TextTowerConfig.Type] = [TextTransformerConfig.self, BERTConfig.self]

/// `vision_cfg` or `text_cfg` of a model file: one kind of tower and its sizes.
package protocol TowerConfig: Codable, Sendable, Equatable {
  /// The section's `type`.
  static var typeName: String { get }
  /// The section's keys without `type`, for messages about unknown ones.
  static var knownKeys: [String] { get }
  /// Throws when the sizes do not fit each other; places are named as in the model file.
  func validate() throws
}

/// An image tower's kind and sizes.
package protocol ImageTowerConfig: TowerConfig {
  /// Side of the square pictures it is made for, in pixels.
  var imageSize: Int { get }
  /// Side of the square of pixels that a cell of the tower's grid stands for.
  var gridStride: Int { get }
  /// Width of the rows of the tower's grid.
  var gridColumns: Int { get }
  /// Declares the tower's parameters, whose names begin with `visual.`, first layer first.
  func makeTower<S: ComputeScalar>(
    _ registry: ParameterRegistry, embedDim: Int, activation: Activation, freezing: Freezing, as: S.Type
  ) -> any ImageTower<S>
}

/// A text tower's kind and sizes.
package protocol TextTowerConfig: TowerConfig {
  /// The most tokens of a caption, the special ones included.
  var contextLength: Int { get }
  /// V, the rows of the embedding table.
  var vocabSize: Int { get }
  /// Width of the rows of tokens, and of the embedding table's.
  var width: Int { get }
  /// Declares the tower's parameters, first layer first.
  func makeTower<S: ComputeScalar>(
    _ registry: ParameterRegistry, embedDim: Int, activation: Activation, freezing: Freezing, as: S.Type
  ) -> any TextTower<S>
}

extension TowerConfig {
  func isEqual(to other: any TowerConfig) -> Bool { (other as? Self) == self }
}

/// How much of a tower keeps the weights that it starts with (`model.freeze_image`, `model.freeze_text`).
package enum Freezing: Sendable, Equatable {
  /// All of it is trained.
  case none
  /// What stands before the first block, and the first n blocks.
  case blocks(Int)
  /// All but the last layer, which maps to the joint space.
  case body
  /// All of it: locked-image tuning (Zhai et al. 2022), for either tower.
  case tower

  /// `none`, `body`, `tower`, or the number of blocks; nil for anything else.
  package init?(text: String) {
    switch text {
    case "none": self = .none
    case "body": self = .body
    case "tower": self = .tower
    default:
      guard let count = Int(text), count >= 0 else { return nil }
      self = .blocks(count)
    }
  }

  /// What `init(text:)` takes, for people.
  package static let choices =
    "none, body (all but the last layer), tower (all of it), or how many of the first blocks"

  /// What stands before the first block: patches, embeddings, the stem's convolutions.
  package var stem: Bool { self != .none }
  /// Norms and poolers after the last block.
  package var finalNorm: Bool { self == .body || self == .tower }
  /// The last layer, which maps to the joint space.
  package var projection: Bool { self == .tower }

  /// Block `index`, counted from 0.
  package func block(_ index: Int) -> Bool {
    switch self {
    case .none: false
    case .blocks(let count): index < count
    case .body, .tower: true
    }
  }
}

/// `mlp_ratio` leaves a hidden layer, and not an absurd one. Written so that NaN is refused too.
func requireRatio(_ ratio: Double, width: Int, section: String) throws {
  guard ratio <= 64, Double(width) * ratio >= 1 else {
    throw KelipError("\(ratio) leaves no room or is above 64", at: "\(section).mlp_ratio")
  }
}
