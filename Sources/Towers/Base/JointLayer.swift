import Kernels

/// A tower's last layer, to the joint space: features[B, D] in 32-bit floats of x[B, W].
final class JointLayer<S: ComputeScalar> {
  private let weight: Parameter
  private let bias: Parameter?
  private let layout: WeightLayout
  private let width: Int
  private let embedDim: Int
  private var isRead = false
  private lazy var map = LinearMap<S>(inputs: width, outputs: embedDim, layout: layout, weight: weight.value)

  /// As torch.nn.Linear, x Wᵀ + b: the brief's "new last layer", `NAME.weight` [D, W] and `NAME.bias` [D].
  init(_ registry: ParameterRegistry, name: String, width: Int, embedDim: Int) {
    (self.width, self.embedDim, layout) = (width, embedDim, .outputsByInputs)
    weight = registry.add("\(name).weight", [embedDim, width], decays: true, Self.initialisation(width))
    bias = registry.add("\(name).bias", [embedDim], decays: false, .constant(0))
  }

  /// As CLIP's projections, x P without a bias: `NAME` [W, D].
  init(_ registry: ParameterRegistry, projection name: String, width: Int, embedDim: Int) {
    (self.width, self.embedDim, layout) = (width, embedDim, .inputsByOutputs)
    weight = registry.add(name, [width, embedDim], decays: true, Self.initialisation(width))
    bias = nil
  }

  private static func initialisation(_ width: Int) -> Initialisation {
    .normal(std: 1 / Float(width).squareRoot())
  }

  var isTrainable: Bool { weight.isTrainable }

  func refresh(training: Bool) { refreshMap(map, weight, &isRead, training: training) }

  func forward(_ x: UnsafePointer<S>, into features: UnsafeMutablePointer<Float>, rows: Int) {
    map.forwardToFloat(x, bias: bias?.value, into: features, rows: rows)
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
    map.backwardWeight(x, dy, into: weight.gradient, dBias: bias?.gradient, rows: rows, arena: arena)
    return dy
  }
}
