import Basics
import Kernels

/// The sizes of CLIP's ModifiedResNet, by open_clip's keys.
package struct ModifiedResNetConfig: ImageTowerConfig {
  package static let typeName = "modified_resnet"
  package static let knownKeys = CodingKeys.allCases.map(\.rawValue)

  /// Side of the square pictures, in pixels.
  package var imageSize: Int
  /// Blocks of each stage.
  package var layers: [Int]
  /// Channels after the stem; the last map has 2^(stages − 1) · 4 times as many.
  package var width: Int
  /// Width of one head of the attention pooling.
  package var headWidth: Int

  enum CodingKeys: String, CodingKey, CaseIterable {
    case imageSize = "image_size"
    case layers, width
    case headWidth = "head_width"
  }

  package init(imageSize: Int = 224, layers: [Int] = [3, 4, 6, 3], width: Int = 64, headWidth: Int = 64) {
    (self.imageSize, self.layers, self.width, self.headWidth) = (imageSize, layers, width, headWidth)
  }

  /// Missing keys are those of CLIP's RN50.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    imageSize = try values.decodeIfPresent(Int.self, forKey: .imageSize) ?? 224
    layers = try values.decodeIfPresent([Int].self, forKey: .layers) ?? [3, 4, 6, 3]
    width = try values.decodeIfPresent(Int.self, forKey: .width) ?? 64
    headWidth = try values.decodeIfPresent(Int.self, forKey: .headWidth) ?? 64
  }

  /// The stem quarters the sides, each stage after the first halves them.
  package var gridStride: Int { 4 << (layers.count - 1) }
  /// Side of the last map.
  package var gridSide: Int { imageSize / gridStride }
  /// Channels of the last map.
  package var gridColumns: Int { (width * 4) << (layers.count - 1) }
  /// Heads of the attention pooling.
  package var heads: Int { gridColumns / headWidth }

  package func makeTower<S: ComputeScalar>(
    _ registry: ParameterRegistry, embedDim: Int, activation _: Activation, freezing: Freezing, as _: S.Type
  ) -> any ImageTower<S> {
    ModifiedResNet<S>(registry, self, embedDim: embedDim, freezing: freezing)
  }

  package func validate() throws {
    try requireStages(layers, width: width)
    guard layers.count == 4 else {
      throw KelipError("must have four stages, as in open_clip, is \(layers)", at: "vision_cfg.layers")
    }
    guard width % 2 == 0 else {
      throw KelipError("must be even, half of it in the stem, is \(width)", at: "vision_cfg.width")
    }
    guard headWidth >= 1, gridColumns % headWidth == 0 else {
      throw KelipError(
        "head_width \(headWidth) does not divide the \(gridColumns) channels of the last map",
        at: "vision_cfg")
    }
    try requireImageSize(imageSize, gridStride: gridStride)
  }
}
