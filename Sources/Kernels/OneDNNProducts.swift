import CKernels
internal import COneDNNShims

/// The bf16 path of every machine: oneDNN.
final class OneDNNProducts<S: ComputeScalar>: LinearProducts {
  private let weight: LinearWeight
  private var forwardCopy: UnsafeMutableRawPointer?
  private var backwardCopy: UnsafeMutableRawPointer?

  init(_ weight: LinearWeight) {
    precondition(S.precision == .bf16)
    self.weight = weight
  }

  deinit {
    forwardCopy?.deallocate()
    backwardCopy?.deallocate()
  }

  func refresh(training: Bool) {
    let (inputs, outputs) = (weight.inputs, weight.outputs)
    forwardCopy = forwardCopy ?? copyBuffer(inputs, outputs)
    OneDNN.prepare(
      inputs: inputs, outputs: outputs, transposed: weight.isByOutputs, weight.masters, into: forwardCopy!)
    guard training else { return }
    backwardCopy = backwardCopy ?? copyBuffer(outputs, inputs)
    OneDNN.prepare(
      inputs: outputs, outputs: inputs, transposed: !weight.isByOutputs, weight.masters, into: backwardCopy!)
  }

  private func copyBuffer(_ inputs: Int, _ outputs: Int) -> UnsafeMutableRawPointer {
    .allocate(byteCount: OneDNN.preparedBytes(inputs: inputs, outputs: outputs), alignment: 64)
  }

  func forward(_ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<S>, rows: Int)
  {
    product(x, forwardCopy, weight.inputs, weight.outputs, bias: bias, into: y, rows: rows)
  }

  func forwardToFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, rows: Int
  ) {
    product(
      x, forwardCopy, weight.inputs, weight.outputs, bias: bias, into: y, rows: rows, floatOutput: true)
  }

  func forward(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, through activation: ActivationPass<S>,
    into y: UnsafeMutablePointer<S>, rows: Int
  ) {
    forward(x, bias: bias, through: activation, into: y, rows: rows, outputs: weight.outputs)
  }

  func backwardInput(_ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, rows: Int) {
    product(dy, backwardCopy, weight.outputs, weight.inputs, bias: nil, into: dx, rows: rows)
  }

  func backwardInput(
    _ dy: UnsafePointer<S>, through activation: ActivationPass<S>, into dx: UnsafeMutablePointer<S>, rows: Int
  ) {
    backwardInput(dy, through: activation, into: dx, rows: rows, inputs: weight.inputs)
  }

  func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, into dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?, rows: Int, arena: Arena
  ) {
    if let dBias { addColumnSums(dy, to: dBias, rows: rows, columns: weight.outputs) }
    // Nothing to add; oneDNN 2.6 divides by an inner dimension of 0.
    guard rows > 0 else { return }
    let (inputs, outputs) = (weight.inputs, weight.outputs)
    let (left, right) = weight.isByOutputs ? ((dy, outputs), (x, inputs)) : ((x, inputs), (dy, outputs))
    // Transposing once and running a plain product is faster than oneDNN's own transposed product (README).
    arena.scratch {
      let transposed = arena.allocate(S.self, left.1 * rows)
      transpose(left.0, into: transposed, rows: rows, columns: left.1)
      let shape = KelipMatmulShape(
        m: Int64(left.1), k: Int64(rows), n: Int64(right.1), source_transposed: 0,
        weight_layout: Int32(KELIP_PLAIN.rawValue), float_output: 1, has_bias: 0, accumulate: 1)
      OneDNN.matmul(shape, transposed, right.0, into: dWeight)
    }
  }

  private func product(
    _ x: UnsafePointer<S>, _ prepared: UnsafeMutableRawPointer?, _ k: Int, _ n: Int,
    bias: UnsafePointer<Float>?, into y: UnsafeMutableRawPointer, rows: Int, floatOutput: Bool = false
  ) {
    guard let prepared else { preconditionFailure("refresh() was not called") }
    let shape = KelipMatmulShape(
      m: Int64(rows), k: Int64(k), n: Int64(n), source_transposed: 0,
      weight_layout: Int32(KELIP_PREPARED.rawValue),
      float_output: floatOutput ? 1 : 0, has_bias: bias == nil ? 0 : 1, accumulate: 0)
    OneDNN.matmul(shape, x, prepared, bias: bias, into: y)
  }
}
