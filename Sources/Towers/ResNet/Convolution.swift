import Kernels

/// A bias-free convolution with its weight [outputs, inputs, k, k].
final class Convolution<S: ComputeScalar> {
  let shape: ConvolutionShape
  private let weight: Parameter
  private var isRead = false
  private lazy var map = ConvolutionMap<S>(shape, weight: weight.value)

  init(
    _ registry: ParameterRegistry, name: String, _ shape: ConvolutionShape, _ initialisation: Initialisation
  ) {
    self.shape = shape
    weight = registry.add(
      "\(name).weight", [shape.outputs, shape.inputs, shape.kernel, shape.kernel], decays: true,
      initialisation)
  }

  /// A frozen layer is read once.
  func refresh() {
    guard weight.isTrainable || !isRead else { return }
    map.refresh()
    isRead = true
  }

  /// x[B, H, W, inputs] → a new y[B, H', W', outputs], and sums over its rows where they are wanted and cost nothing.
  func forward(
    _ x: UnsafePointer<S>, _ size: MapSize, wantsMoments: Bool, arena: Arena
  ) -> (y: UnsafeMutablePointer<S>, moments: ColumnMoments?) {
    let y = arena.allocate(S.self, shape.output(size).rows * shape.outputs)
    guard wantsMoments else {
      map.forward(x, size, into: y)
      return (y, nil)
    }
    return (y, map.forwardWithMoments(x, size, into: y, arena: arena))
  }

  /// From dY behind a batch norm of the result y. The weight's gradient accumulates (+=); dX[B, H, W, inputs] is written
  /// where it is given, or added to if `accumulating`. Saved from forward: x, y.
  func backward(
    _ dy: UnsafePointer<S>, through norm: NormGradient, of y: UnsafePointer<S>, input x: UnsafePointer<S>,
    _ size: MapSize, into dx: UnsafeMutablePointer<S>?, accumulating: Bool, arena: Arena
  ) {
    map.backward(
      dy, through: norm, of: y, input: x, size, into: dx, accumulating: accumulating,
      dWeight: weight.gradient, arena: arena)
  }
}

extension ConvolutionShape {
  /// torchvision's start of a ResNet, `kaiming_normal_(mode: fan_out)` for a ReLU (He et al. 2015).
  var fanOutNormal: Initialisation {
    .normal(std: (2 / Float(outputs * kernel * kernel)).squareRoot())
  }

  /// torch.nn.Conv2d's own start: uniform in ±1/√fan_in.
  var fanInUniform: Initialisation { .uniform(bound: 1 / Float(fanIn).squareRoot()) }
}
