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

  /// x[B, H, W, inputs] → a new y[B, H', W', outputs].
  func forward(_ x: UnsafePointer<S>, _ size: MapSize, arena: Arena) -> UnsafeMutablePointer<S> {
    let y = arena.allocate(S.self, shape.output(size).rows * shape.outputs)
    map.forward(x, size, into: y)
    return y
  }

  /// The weight's gradient accumulates (+=); dX[B, H, W, inputs] is written where it is given. Saved from forward: x.
  func backward(
    _ dy: UnsafePointer<S>, input x: UnsafePointer<S>, _ size: MapSize, into dx: UnsafeMutablePointer<S>?
  ) {
    map.backwardWeight(x, dy, size, into: weight.gradient)
    if let dx { map.backwardInput(dy, size, into: dx) }
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
