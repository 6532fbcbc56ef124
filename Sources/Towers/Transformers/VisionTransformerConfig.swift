import Basics
import Kernels

/// A vision transformer's sizes.
package struct VisionTransformerConfig: ImageTowerConfig {
  package static let typeName = "vit"
  package static let knownKeys = CodingKeys.allCases.map(\.rawValue)

  /// Side of the square pictures, in pixels.
  package var imageSize: Int
  /// Side of a square patch, in pixels; divides `imageSize`.
  package var patchSize: Int
  package var width: Int
  package var layers: Int
  /// Width of one attention head; heads = width / headWidth.
  package var headWidth: Int
  /// Width of the MLP's hidden layer by the tower's width.
  package var mlpRatio: Double

  enum CodingKeys: String, CodingKey, CaseIterable {
    case imageSize = "image_size"
    case patchSize = "patch_size"
    case width, layers
    case headWidth = "head_width"
    case mlpRatio = "mlp_ratio"
  }

  package init(
    imageSize: Int, patchSize: Int, width: Int, layers: Int, headWidth: Int = 64, mlpRatio: Double = 4
  ) {
    (self.imageSize, self.patchSize, self.width, self.layers) = (imageSize, patchSize, width, layers)
    (self.headWidth, self.mlpRatio) = (headWidth, mlpRatio)
  }

  /// Missing keys get open_clip's defaults.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    imageSize = try values.decodeIfPresent(Int.self, forKey: .imageSize) ?? 224
    patchSize = try values.decodeIfPresent(Int.self, forKey: .patchSize) ?? 16
    width = try values.decodeIfPresent(Int.self, forKey: .width) ?? 768
    layers = try values.decodeIfPresent(Int.self, forKey: .layers) ?? 12
    headWidth = try values.decodeIfPresent(Int.self, forKey: .headWidth) ?? 64
    mlpRatio = try values.decodeIfPresent(Double.self, forKey: .mlpRatio) ?? 4
  }

  /// Attention heads.
  package var heads: Int { width / headWidth }
  /// P, the patches of a picture.
  package var patchCount: Int { (imageSize / patchSize) * (imageSize / patchSize) }
  /// Rows an image takes: its patches and the class token.
  package var tokenCount: Int { patchCount + 1 }

  package var gridStride: Int { patchSize }
  package var gridColumns: Int { width }

  package func makeTower<S: ComputeScalar>(
    _ registry: ParameterRegistry, embedDim: Int, activation: Activation, freezing: Freezing, as _: S.Type
  ) -> any ImageTower<S> {
    VisionTransformer<S>(
      registry, self, embedDim: embedDim, activation: activation, freezing: freezing)
  }

  package func validate() throws {
    for (name, value) in [
      ("image_size", imageSize), ("patch_size", patchSize), ("width", width), ("layers", layers),
      ("head_width", headWidth),
    ] where value < 1 {
      throw KelipError("must be at least 1, is \(value)", at: "vision_cfg.\(name)")
    }
    guard imageSize % patchSize == 0 else {
      throw KelipError("patch_size \(patchSize) does not divide image_size \(imageSize)", at: "vision_cfg")
    }
    guard width % headWidth == 0 else {
      throw KelipError("head_width \(headWidth) does not divide width \(width)", at: "vision_cfg")
    }
    try requireRatio(mlpRatio, width: width, section: "vision_cfg")
  }
}
