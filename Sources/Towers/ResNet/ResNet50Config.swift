import Basics
import Kernels

/// The sizes of torchvision's ResNet with bottlenecks; the defaults are ResNet-50's.
package struct ResNet50Config: ImageTowerConfig {
  package static let typeName = "resnet50"
  package static let knownKeys = CodingKeys.allCases.map(\.rawValue)

  /// Side of the square pictures, in pixels; others go through as well.
  package var imageSize: Int
  /// Blocks of each stage.
  package var layers: [Int]
  /// Channels after the stem; the last map has 2^(stages − 1) · 4 times as many.
  package var width: Int

  enum CodingKeys: String, CodingKey, CaseIterable {
    case imageSize = "image_size"
    case layers, width
  }

  package init(imageSize: Int = 224, layers: [Int] = [3, 4, 6, 3], width: Int = 64) {
    (self.imageSize, self.layers, self.width) = (imageSize, layers, width)
  }

  /// Missing keys are ResNet-50's.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    imageSize = try values.decodeIfPresent(Int.self, forKey: .imageSize) ?? 224
    layers = try values.decodeIfPresent([Int].self, forKey: .layers) ?? [3, 4, 6, 3]
    width = try values.decodeIfPresent(Int.self, forKey: .width) ?? 64
  }

  /// The stem quarters the sides, each stage after the first halves them.
  package var gridStride: Int { 4 << (layers.count - 1) }

  /// Channels of the last map.
  package var gridColumns: Int { (width * 4) << (layers.count - 1) }

  package func makeTower<S: ComputeScalar>(
    _ registry: ParameterRegistry, embedDim: Int, activation _: Activation, freezing: Freezing, as _: S.Type
  ) -> any ImageTower<S> {
    ResNet50<S>(registry, self, embedDim: embedDim, freezing: freezing)
  }

  package func validate() throws {
    try requireStages(layers, width: width)
    try requireImageSize(imageSize, gridStride: gridStride)
  }
}

/// A ResNet's stages and channels, in reason.
func requireStages(_ layers: [Int], width: Int) throws {
  guard (1...6).contains(layers.count), layers.allSatisfy({ (1...1000).contains($0) }) else {
    throw KelipError("must be one to six numbers of blocks, is \(layers)", at: "vision_cfg.layers")
  }
  guard width >= 1 else { throw KelipError("must be at least 1, is \(width)", at: "vision_cfg.width") }
}

/// Whole cells: a grid over the picture that its pixels fill.
func requireImageSize(_ size: Int, gridStride: Int) throws {
  guard size >= gridStride, size % gridStride == 0 else {
    throw KelipError(
      "must be a multiple of \(gridStride), the pixels of a cell of the last map, is \(size)",
      at: "vision_cfg.image_size")
  }
}
