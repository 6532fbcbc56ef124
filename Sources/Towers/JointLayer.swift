import Kernels

/// A last layer to the joint space, as torch.nn.Linear: features[B, D] = x[B, W] Wᵀ + b, in 32-bit floats.
///
/// The brief's "new last layer", `NAME.weight` [D, W] and `NAME.bias` [D]; CLIP's own projections have no bias and
/// lie the other way round (`FeatureProjection`).
final class JointLayer<S: ComputeScalar> {
  private let weight: Parameter
  private let bias: Parameter
  private let width: Int
  private let embedDim: Int
  private var isRead = false
  private lazy var map = LinearMap<S>(
    inputs: width, outputs: embedDim, layout: .outputsByInputs, weight: weight.value)

  init(_ registry: ParameterRegistry, name: String, width: Int, embedDim: Int) {
    (self.width, self.embedDim) = (width, embedDim)
    weight = registry.add(
      "\(name).weight", [embedDim, width], decays: true, .normal(std: 1 / Float(width).squareRoot()))
    bias = registry.add("\(name).bias", [embedDim], decays: false, .constant(0))
  }

  var isTrainable: Bool { weight.isTrainable }

  func refresh(training: Bool) { refreshMap(map, weight, &isRead, training: training) }

  func forward(_ x: UnsafePointer<S>, into features: UnsafeMutablePointer<Float>, rows: Int) {
    map.forwardToFloat(x, bias: bias.value, into: features, rows: rows)
  }

  /// dFeatures[B, D] → a new dX[B, W]; the gradients of weight and bias accumulate (+=).
  func backward(
    _ dFeatures: UnsafePointer<Float>, input x: UnsafePointer<S>, rows: Int, arena: Arena
  ) -> UnsafeMutablePointer<S> {
    let dx = arena.allocate(S.self, rows * width)
    arena.scratch {
      let dy = backwardWeight(dFeatures, input: x, rows: rows, arena: arena)
      map.backwardInput(dy, into: dx, rows: rows)
    }
    return dx
  }

  /// The same without dX: where nothing below is trained. Returns dFeatures in the storage type.
  @discardableResult
  func backwardWeight(
    _ dFeatures: UnsafePointer<Float>, input x: UnsafePointer<S>, rows: Int, arena: Arena
  ) -> UnsafeMutablePointer<S> {
    let dy = arena.allocate(S.self, rows * embedDim)
    convert(dFeatures, into: dy, count: rows * embedDim)
    map.backwardWeight(x, dy, into: weight.gradient, dBias: bias.gradient, rows: rows, arena: arena)
    return dy
  }
}
