import Kernels

/// y = x Wᵀ + b with its parameters, weight [outputs, inputs].
final class Linear<S: ComputeScalar> {
  private let weight: Parameter
  private let bias: Parameter?
  let outputs: Int
  let inputs: Int
  private var isRead = false
  private lazy var map = LinearMap<S>(
    inputs: inputs, outputs: outputs, layout: .outputsByInputs, weight: weight.value)

  init(
    _ registry: ParameterRegistry, weight: String, bias: String?, shape: [Int]? = nil, inputs: Int,
    outputs: Int,
    _ initialisation: Initialisation
  ) {
    (self.inputs, self.outputs) = (inputs, outputs)
    self.weight = registry.add(weight, shape ?? [outputs, inputs], decays: true, initialisation)
    self.bias = bias.map { registry.add($0, [outputs], decays: false, .constant(0)) }
  }

  convenience init(
    _ registry: ParameterRegistry, weight: String, bias: String, inputs: Int, outputs: Int, std: Float
  ) {
    self.init(registry, weight: weight, bias: bias, inputs: inputs, outputs: outputs, .normal(std: std))
  }

  convenience init(_ registry: ParameterRegistry, name: String, inputs: Int, outputs: Int, std: Float) {
    self.init(
      registry, weight: "\(name).weight", bias: "\(name).bias", inputs: inputs, outputs: outputs, std: std)
  }

  /// A frozen layer is read once, and needs no copy for gradients: nothing below it is trained.
  func refresh(training: Bool) { refreshMap(map, weight, &isRead, training: training) }

  /// x[R, inputs] → a new y[R, outputs].
  func forward(_ x: UnsafePointer<S>, rows: Int, arena: Arena) -> UnsafeMutablePointer<S> {
    let y = arena.allocate(S.self, rows * outputs)
    map.forward(x, bias: bias?.value, into: y, rows: rows)
    return y
  }

  /// The same through an activation: `input` is x Wᵀ + b, `output` the activation's, both new, [R, outputs].
  func forward(_ x: UnsafePointer<S>, through activation: Activation, rows: Int, arena: Arena) -> Activated<S>
  {
    let (input, output) = (
      arena.allocate(S.self, rows * outputs), arena.allocate(S.self, rows * outputs)
    )
    map.forward(
      x, bias: bias?.value, through: ActivationPass(activation, input: input), into: output, rows: rows)
    return Activated(kind: activation, input: input, output: output)
  }

  /// The same with 32-bit results whatever `S` is: for predictions.
  func forwardToFloat(_ x: UnsafePointer<S>, into y: UnsafeMutablePointer<Float>, rows: Int) {
    map.forwardToFloat(x, bias: bias?.value, into: y, rows: rows)
  }

  /// Accumulates the weight's and bias's gradients (+=) and returns a new dX[R, inputs]. Saved from forward: x.
  func backward(
    _ dy: UnsafePointer<S>, input x: UnsafePointer<S>, rows: Int, arena: Arena
  ) -> UnsafeMutablePointer<S> {
    let dx = arena.allocate(S.self, rows * inputs)
    backward(dy, input: x, into: dx, rows: rows, arena: arena)
    return dx
  }

  /// The same where x is an activation's output: returns the new gradient of its input.
  func backward(
    _ dy: UnsafePointer<S>, through x: Activated<S>, rows: Int, arena: Arena
  ) -> UnsafeMutablePointer<S> {
    backwardWeight(dy, input: x.output, rows: rows, arena: arena)
    let dInput = arena.allocate(S.self, rows * inputs)
    map.backwardInput(dy, through: ActivationPass(x.kind, input: x.input), into: dInput, rows: rows)
    return dInput
  }

  /// The same into memory of the caller's.
  func backward(
    _ dy: UnsafePointer<S>, input x: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, rows: Int,
    arena: Arena
  ) {
    backwardWeight(dy, input: x, rows: rows, arena: arena)
    map.backwardInput(dy, into: dx, rows: rows)
  }

  /// The same without dX: for a tower's first layer.
  func backwardWeight(_ dy: UnsafePointer<S>, input x: UnsafePointer<S>, rows: Int, arena: Arena) {
    map.backwardWeight(x, dy, into: weight.gradient, dBias: bias?.gradient, rows: rows, arena: arena)
  }
}

/// An activation's input and output, as many elements each.
struct Activated<S: ComputeScalar> {
  var kind: Activation
  var input: UnsafeMutablePointer<S>
  var output: UnsafeMutablePointer<S>
}

/// Re-reads the masters of what is trained; those of a frozen layer once, and without the copy for gradients, since
/// nothing below it is trained.
func refreshMap<S: ComputeScalar>(
  _ map: LinearMap<S>, _ weight: Parameter, _ isRead: inout Bool, training: Bool
) {
  guard weight.isTrainable || !isRead else { return }
  map.refresh(training: training && weight.isTrainable)
  isRead = true
}

/// Layer norm with its gain and bias, fused with the residual sum before it.
final class LayerNorm<S: ComputeScalar> {
  /// What forward leaves for backward, beside the normed input h.
  struct Saved {
    var output: UnsafeMutablePointer<S>
    var mean: UnsafeMutablePointer<Float>
    var rstd: UnsafeMutablePointer<Float>
  }

  private let gain: Parameter
  private let bias: Parameter
  private let width: Int
  private let eps: Float

  init(_ registry: ParameterRegistry, name: String, width: Int, eps: Float = 1e-5) {
    (self.width, self.eps) = (width, eps)
    gain = registry.add("\(name).weight", [width], decays: false, .constant(1))
    bias = registry.add("\(name).bias", [width], decays: false, .constant(0))
  }

  /// The gain is registered first, so it ends last in backward order.
  var gradientEnd: Int { gain.end }

  /// h = x + residual (x itself without one) and y = LN(h), both [R, W].
  func forward(
    _ x: UnsafeMutablePointer<S>, residual: UnsafeMutablePointer<S>?, rows: Int, arena: Arena
  ) -> (h: UnsafeMutablePointer<S>, y: UnsafeMutablePointer<S>, saved: Saved) {
    let sum = residual == nil ? nil : arena.allocate(S.self, rows * width)
    let saved = Saved(
      output: arena.allocate(S.self, rows * width), mean: arena.allocate(Float.self, rows),
      rstd: arena.allocate(Float.self, rows))
    addLayerNormForward(
      x, residual: residual, gain: gain.value, bias: bias.value, h: sum, into: saved.output, mean: saved.mean,
      rstd: saved.rstd, rows: rows, columns: width, eps: eps)
    return (sum ?? x, saved.output, saved)
  }

  /// dH += the gradient through the norm; gain's and bias's gradients accumulate (+=).
  func backward(
    _ dy: UnsafePointer<S>, h: UnsafePointer<S>, _ saved: Saved, addingTo dH: UnsafeMutablePointer<S>,
    rows: Int, arena: Arena
  ) {
    layerNormBackward(
      dy, h: h, gain: gain.value, mean: saved.mean, rstd: saved.rstd, addingTo: dH, dGain: gain.gradient,
      dBias: bias.gradient, rows: rows, columns: width, arena: arena)
  }
}
