/// What a linear map's result passes through on its way to memory.
package struct ActivationPass<S: ComputeScalar> {
  package var kind: Activation
  /// The activation's input, [R, N] as the result: written on the way forward, read on the way back.
  package var input: UnsafeMutablePointer<S>

  package init(_ kind: Activation, input: UnsafeMutablePointer<S>) { (self.kind, self.input) = (kind, input) }
}

/// How a linear map's three products are computed: one implementation a library and storage type.
protocol LinearProducts<S> {
  associatedtype S: ComputeScalar

  var weight: LinearWeight { get }

  /// Re-reads the masters; without `training`, only what forward needs.
  mutating func refresh(training: Bool)

  /// y[R, N] = x[R, K] · W (+ b[N]).
  func forward(_ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<S>, rows: Int)

  /// The same with 32-bit results.
  func forwardToFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, rows: Int)

  /// y = act(x · W + b); the activation's input is saved.
  func forward(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, through activation: ActivationPass<S>,
    into y: UnsafeMutablePointer<S>, rows: Int)

  /// dX[R, K] = dY[R, N] · Wᵀ.
  func backwardInput(_ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, rows: Int)

  /// dX = (dY · Wᵀ) ⊙ act'(input of the activation that made x).
  func backwardInput(
    _ dy: UnsafePointer<S>, through activation: ActivationPass<S>, into dx: UnsafeMutablePointer<S>, rows: Int
  )

  /// dW += xᵀ dY in the layout of W, and dB += column sums of dY.
  func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, into dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?, rows: Int, arena: Arena)
}

/// Where a library has no fused form: the product, then a pass for the activation.
extension LinearProducts {
  func forward(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, through activation: ActivationPass<S>,
    into y: UnsafeMutablePointer<S>, rows: Int
  ) {
    forward(x, bias: bias, into: activation.input, rows: rows)
    activationForward(activation.kind, activation.input, into: y, count: rows * weight.outputs)
  }

  func backwardInput(
    _ dy: UnsafePointer<S>, through activation: ActivationPass<S>, into dx: UnsafeMutablePointer<S>, rows: Int
  ) {
    backwardInput(dy, into: dx, rows: rows)
    activationBackward(activation.kind, dx, x: activation.input, into: dx, count: rows * weight.inputs)
  }
}

/// A linear map's masters and their shape.
struct LinearWeight {
  /// A matrix of R rows, `columns` wide.
  typealias Operand<S> = (rows: UnsafePointer<S>, columns: Int)

  var inputs: Int
  var outputs: Int
  var layout: WeightLayout
  /// In `layout`, in 32 bits.
  var masters: UnsafePointer<Float>

  var isByOutputs: Bool { layout == .outputsByInputs }
  /// Elements of one stored row.
  var rowLength: Int { isByOutputs ? inputs : outputs }

  /// The weight gradient in the layout of the weight is leftᵀ · right.
  func outerOperands<S>(_ x: UnsafePointer<S>, _ dy: UnsafePointer<S>) -> (
    left: Operand<S>, right: Operand<S>
  ) {
    let (inputs, gradients): (Operand<S>, Operand<S>) = ((x, inputs), (dy, outputs))
    return isByOutputs ? (gradients, inputs) : (inputs, gradients)
  }
}

/// Copies of a weight in a kernel's own layouts, for the forward and for the data-gradient product: memory that is
/// taken at first use.
final class WeightCopies {
  private(set) var forward: UnsafeMutableRawPointer?
  private(set) var backward: UnsafeMutableRawPointer?

  deinit {
    forward?.deallocate()
    backward?.deallocate()
  }

  func forward(bytes: Int) -> UnsafeMutableRawPointer { Self.memory(&forward, bytes) }
  func backward(bytes: Int) -> UnsafeMutableRawPointer { Self.memory(&backward, bytes) }

  private static func memory(_ copy: inout UnsafeMutableRawPointer?, _ bytes: Int) -> UnsafeMutableRawPointer
  {
    let memory = copy ?? .allocate(byteCount: bytes, alignment: 64)
    copy = memory
    return memory
  }
}
