import Basics

/// How a weight matrix lies in its checkpoint.
package enum WeightLayout: Sendable {
  /// [outputs, inputs], as torch.nn.Linear: y = x Wᵀ.
  case outputsByInputs
  /// [inputs, outputs], as CLIP's projections: y = x W.
  case inputsByOutputs
}

/// A linear map y[R, N] = x[R, K] · W + b and its three products, on the path of `S`.
///
/// The 32-bit masters are used as they are by the fp32 path. The bf16 paths keep two narrowed copies in their own
/// layout (for the forward and the data-gradient product), made anew by `refresh()` after each update.
package final class LinearMap<S: ComputeScalar> {
  package let inputs: Int
  package let outputs: Int
  private var products: any LinearProducts<S>

  /// - Parameters:
  ///   - weight: the masters, which outlive this map.
  ///   - engine: which library multiplies; nil for this process's choice.
  package init(
    inputs: Int, outputs: Int, layout: WeightLayout, weight: UnsafePointer<Float>,
    engine: ProductEngine? = nil
  ) {
    (self.inputs, self.outputs) = (inputs, outputs)
    let weight = LinearWeight(inputs: inputs, outputs: outputs, layout: layout, masters: weight)
    switch engine ?? ProductEngine.preferred(S.precision) {
    case .openBLAS: products = OpenBLASProducts<S>(weight)
    case .vectorUnit: products = VectorUnitProducts<S>(weight)
    case .oneDNN: products = OneDNNProducts<S>(weight)
    case .matrixUnit: products = MatrixUnitProducts<S>(weight)
    }
  }

  /// Re-reads the masters; call after every change of them. `training: false` leaves out the copy for gradients.
  package func refresh(training: Bool = true) { products.refresh(training: training) }

  /// y[R, N] = x[R, K] · W (+ b[N]).
  package func forward(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<S>, rows: Int
  ) {
    let span = Phase.product.begin(shape(.forward, rows))
    defer { span.end() }
    products.forward(x, bias: bias, into: y, rows: rows)
  }

  /// y = act(x · W + b), with the activation's input [R, N] saved.
  package func forward(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, through activation: ActivationPass<S>,
    into y: UnsafeMutablePointer<S>, rows: Int
  ) {
    let span = Phase.product.begin(shape(.forward, rows))
    defer { span.end() }
    products.forward(x, bias: bias, through: activation, into: y, rows: rows)
  }

  /// x · W + b with 32-bit results whatever `S` is: for features.
  package func forwardToFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>? = nil, into y: UnsafeMutablePointer<Float>, rows: Int
  ) {
    let span = Phase.product.begin(shape(.forward, rows))
    defer { span.end() }
    products.forwardToFloat(x, bias: bias, into: y, rows: rows)
  }

  /// dX[R, K] = dY[R, N] · Wᵀ.
  package func backwardInput(_ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, rows: Int) {
    let span = Phase.dataGradient.begin(shape(.dataGradient, rows))
    defer { span.end() }
    products.backwardInput(dy, into: dx, rows: rows)
  }

  /// dX[R, K] = (dY · Wᵀ) ⊙ act'(input of the activation whose output this map's x was).
  package func backwardInput(
    _ dy: UnsafePointer<S>, through activation: ActivationPass<S>, into dx: UnsafeMutablePointer<S>, rows: Int
  ) {
    let span = Phase.dataGradient.begin(shape(.dataGradient, rows))
    defer { span.end() }
    products.backwardInput(dy, through: activation, into: dx, rows: rows)
  }

  /// dW += xᵀ dY in the layout of W, and dB += column sums of dY.
  package func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, into dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?, rows: Int, arena: Arena
  ) {
    let span = Phase.weightGradient.begin(shape(.weightGradient, rows))
    defer { span.end() }
    products.backwardWeight(x, dy, into: dWeight, dBias: dBias, rows: rows, arena: arena)
  }

  private func shape(_ kind: ProductShape.Kind, _ rows: Int) -> ProductShape {
    ProductShape(kind, rows: rows, inputs: inputs, outputs: outputs)
  }
}
