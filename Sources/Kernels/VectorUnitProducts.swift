import CKernels

/// The fp32 path on AVX-512: our own kernels on the masters themselves, with bias and activation done while a result is
/// in cache.
struct VectorUnitProducts<S: ComputeScalar>: FusedProducts {
  let weight: LinearWeight

  init(_ weight: LinearWeight) {
    precondition(S.precision == .fp32)
    self.weight = weight
  }

  func refresh(training: Bool) {}

  func forwardToFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, rows: Int
  ) {
    forwardProduct(x, bias, y, rows).multiply()
  }

  func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, into dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?, rows: Int, arena: Arena
  ) {
    let (left, right) = weight.outerOperands(x, dy)
    var product = product(
      matrix(left.rows, rowLength: left.columns), matrix(right.rows, rowLength: right.columns), left.columns,
      rows, right.columns, dWeight)
    product.a.transposed = 1
    product.accumulate = 1
    // The column sums of dY come along where it is the operand that is transposed.
    if weight.isByOutputs {
      product.row_sums = dBias
    } else if let dBias {
      addColumnSums(dy, to: dBias, rows: rows, columns: weight.outputs)
    }
    product.multiply()
  }

  func forwardProduct(
    _ x: UnsafePointer<S>, _ bias: UnsafePointer<Float>?, _ y: UnsafeMutableRawPointer, _ rows: Int
  ) -> KelipFloatProduct {
    let masters = matrix(weight.masters, rowLength: weight.rowLength, transposed: weight.isByOutputs)
    var result = product(
      matrix(x, rowLength: weight.inputs), masters, rows, weight.inputs, weight.outputs, y)
    result.bias = bias
    return result
  }

  func backwardProduct(_ dy: UnsafePointer<S>, _ dx: UnsafeMutableRawPointer, _ rows: Int)
    -> KelipFloatProduct
  {
    let masters = matrix(weight.masters, rowLength: weight.rowLength, transposed: !weight.isByOutputs)
    return product(
      matrix(dy, rowLength: weight.outputs), masters, rows, weight.outputs, weight.inputs, dx)
  }

  /// C[M, N] = A[M, K] · B[K, N].
  private func product(
    _ a: KelipMatrix, _ b: KelipMatrix, _ m: Int, _ k: Int, _ n: Int, _ c: UnsafeMutableRawPointer
  ) -> KelipFloatProduct {
    KelipFloatProduct(
      m: Int64(m), k: Int64(k), n: Int64(n), a: a, b: b, c: c.assumingMemoryBound(to: Float.self),
      c_stride: Int64(n), accumulate: 0, bias: nil, row_sums: nil, epilogue: Int32(KELIP_STORE.rawValue),
      saved: nil)
  }

  /// `S` is `Float`.
  private func matrix<T>(_ start: UnsafePointer<T>, rowLength: Int, transposed: Bool = false) -> KelipMatrix {
    KelipMatrix(
      start: UnsafeRawPointer(start).assumingMemoryBound(to: Float.self), stride: Int64(rowLength),
      transposed: transposed ? 1 : 0)
  }
}
