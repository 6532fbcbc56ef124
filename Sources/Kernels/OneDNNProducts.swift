import CKernels
internal import COneDNNShims

/// The bf16 path of every machine: oneDNN.
final class OneDNNProducts<S: ComputeScalar>: LinearProducts {
  let weight: LinearWeight
  private let copies = WeightCopies()

  init(_ weight: LinearWeight) {
    precondition(S.precision == .bf16)
    self.weight = weight
  }

  func refresh(training: Bool) {
    let (inputs, outputs) = (weight.inputs, weight.outputs)
    OneDNN.prepare(
      inputs: inputs, outputs: outputs, transposed: weight.isByOutputs, weight.masters,
      into: copies.forward(bytes: OneDNN.preparedBytes(inputs: inputs, outputs: outputs)))
    guard training else { return }
    OneDNN.prepare(
      inputs: outputs, outputs: inputs, transposed: !weight.isByOutputs, weight.masters,
      into: copies.backward(bytes: OneDNN.preparedBytes(inputs: outputs, outputs: inputs)))
  }

  func forward(_ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<S>, rows: Int)
  {
    product(x, copies.forward, weight.inputs, weight.outputs, bias: bias, into: y, rows: rows)
  }

  func forwardToFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, rows: Int
  ) {
    product(
      x, copies.forward, weight.inputs, weight.outputs, bias: bias, into: y, rows: rows, floatOutput: true)
  }

  func backwardInput(_ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, rows: Int) {
    product(dy, copies.backward, weight.outputs, weight.inputs, bias: nil, into: dx, rows: rows)
  }

  func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, into dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?, rows: Int, arena: Arena
  ) {
    if let dBias { addColumnSums(dy, to: dBias, rows: rows, columns: weight.outputs) }
    // Nothing to add; oneDNN 2.6 divides by an inner dimension of 0.
    guard rows > 0 else { return }
    let (left, right) = weight.outerOperands(x, dy)
    // Transposing once and running a plain product is faster than oneDNN's own transposed product (README).
    arena.scratch {
      let transposed = arena.allocate(S.self, left.columns * rows)
      transpose(left.rows, into: transposed, rows: rows, columns: left.columns)
      let shape = KelipMatmulShape(
        m: Int64(left.columns), k: Int64(rows), n: Int64(right.columns), source_transposed: 0,
        weight_layout: Int32(KELIP_PLAIN.rawValue), float_output: 1, has_bias: 0, accumulate: 1)
      OneDNN.matmul(shape, transposed, right.rows, into: dWeight)
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
