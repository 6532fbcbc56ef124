import CKernels

/// The fp32 path: OpenBLAS on the masters themselves.
struct OpenBLASProducts<S: ComputeScalar>: LinearProducts {
  let weight: LinearWeight

  init(_ weight: LinearWeight) {
    precondition(S.precision == .fp32)
    self.weight = weight
  }

  func refresh(training: Bool) {}

  func forward(_ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<S>, rows: Int)
  {
    forwardToFloat(x, bias: bias, into: floats(y), rows: rows)
  }

  func forwardToFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, rows: Int
  ) {
    if let bias { kelip_kernels_f32.broadcast_rows(bias, y, Int64(rows), Int64(weight.outputs)) }
    BLAS.multiply(
      .init(floats(x), rowLength: weight.inputs),
      .init(weight.masters, rowLength: weight.rowLength, transposed: weight.isByOutputs),
      into: y, ldc: weight.outputs, m: rows, n: weight.outputs, k: weight.inputs, beta: bias == nil ? 0 : 1)
  }

  func backwardInput(_ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, rows: Int) {
    BLAS.multiply(
      .init(floats(dy), rowLength: weight.outputs),
      .init(weight.masters, rowLength: weight.rowLength, transposed: !weight.isByOutputs), into: floats(dx),
      ldc: weight.inputs, m: rows, n: weight.inputs, k: weight.outputs)
  }

  func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, into dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?, rows: Int, arena: Arena
  ) {
    if let dBias { addColumnSums(dy, to: dBias, rows: rows, columns: weight.outputs) }
    let (left, right) = weight.outerOperands(floats(x), floats(dy))
    BLAS.multiply(
      .init(left.rows, rowLength: left.columns, transposed: true),
      .init(right.rows, rowLength: right.columns), into: dWeight, ldc: right.columns, m: left.columns,
      n: right.columns, k: rows, beta: 1)
  }

  private func floats(_ pointer: UnsafePointer<S>) -> UnsafePointer<Float> {
    UnsafeRawPointer(pointer).assumingMemoryBound(to: Float.self)
  }

  private func floats(_ pointer: UnsafeMutablePointer<S>) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Float.self)
  }
}
