import CKernels

/// The fp32 path on AVX-512: our own kernels on the masters themselves, with bias and activation done while a result is
/// in cache.
struct VectorUnitProducts<S: ComputeScalar>: LinearProducts {
  private let weight: LinearWeight

  init(_ weight: LinearWeight) {
    precondition(S.precision == .fp32)
    self.weight = weight
  }

  func refresh(training: Bool) {}

  func forward(_ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<S>, rows: Int)
  {
    multiply(forwardProduct(x, bias, floats(y), rows))
  }

  func forwardToFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, rows: Int
  ) {
    multiply(forwardProduct(x, bias, y, rows))
  }

  func forward(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, through activation: ActivationPass<S>,
    into y: UnsafeMutablePointer<S>, rows: Int
  ) {
    var product = forwardProduct(x, bias, floats(y), rows)
    product.saved = floats(activation.input)
    product.epilogue = Int32(
      (activation.kind == .quickGELU ? KELIP_STORE_QUICK_GELU : KELIP_STORE_GELU).rawValue)
    multiply(product)
  }

  func backwardInput(_ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, rows: Int) {
    multiply(backwardProduct(dy, dx, rows))
  }

  func backwardInput(
    _ dy: UnsafePointer<S>, through activation: ActivationPass<S>, into dx: UnsafeMutablePointer<S>, rows: Int
  ) {
    var product = backwardProduct(dy, dx, rows)
    product.saved = floats(activation.input)
    product.epilogue = Int32(
      (activation.kind == .quickGELU ? KELIP_STORE_QUICK_GELU_BACKWARD : KELIP_STORE_GELU_BACKWARD).rawValue)
    multiply(product)
  }

  func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, into dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?, rows: Int, arena: Arena
  ) {
    let inputs = matrix(floats(x), rowLength: weight.inputs)
    let gradients = matrix(floats(dy), rowLength: weight.outputs)
    var product =
      weight.isByOutputs
      ? self.product(gradients, inputs, weight.outputs, rows, weight.inputs, dWeight)
      : self.product(inputs, gradients, weight.inputs, rows, weight.outputs, dWeight)
    product.a.transposed = 1
    product.accumulate = 1
    // The column sums of dY come along where it is the operand that is transposed.
    if weight.isByOutputs {
      product.row_sums = dBias
    } else if let dBias {
      addColumnSums(dy, to: dBias, rows: rows, columns: weight.outputs)
    }
    multiply(product)
  }

  private func forwardProduct(
    _ x: UnsafePointer<S>, _ bias: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>, _ rows: Int
  ) -> KelipFloatProduct {
    let masters = matrix(weight.masters, rowLength: weight.rowLength, transposed: weight.isByOutputs)
    var result = product(
      matrix(floats(x), rowLength: weight.inputs), masters, rows, weight.inputs, weight.outputs, y)
    result.bias = bias
    return result
  }

  private func backwardProduct(_ dy: UnsafePointer<S>, _ dx: UnsafeMutablePointer<S>, _ rows: Int)
    -> KelipFloatProduct
  {
    let masters = matrix(weight.masters, rowLength: weight.rowLength, transposed: !weight.isByOutputs)
    return product(
      matrix(floats(dy), rowLength: weight.outputs), masters, rows, weight.outputs, weight.inputs, floats(dx))
  }

  /// C[M, N] = A[M, K] · B[K, N].
  private func product(
    _ a: KelipMatrix, _ b: KelipMatrix, _ m: Int, _ k: Int, _ n: Int, _ c: UnsafeMutablePointer<Float>
  ) -> KelipFloatProduct {
    KelipFloatProduct(
      m: Int64(m), k: Int64(k), n: Int64(n), a: a, b: b, c: c, c_stride: Int64(n), accumulate: 0, bias: nil,
      row_sums: nil, epilogue: Int32(KELIP_STORE.rawValue), saved: nil)
  }

  private func matrix(_ start: UnsafePointer<Float>, rowLength: Int, transposed: Bool = false) -> KelipMatrix
  {
    KelipMatrix(start: start, stride: Int64(rowLength), transposed: transposed ? 1 : 0)
  }

  private func multiply(_ product: KelipFloatProduct) {
    guard product.m > 0, product.k > 0 else { return }
    withUnsafePointer(to: product) { kelip_multiply_floats($0) }
  }

  private func floats(_ pointer: UnsafePointer<S>) -> UnsafePointer<Float> {
    UnsafeRawPointer(pointer).assumingMemoryBound(to: Float.self)
  }

  private func floats(_ pointer: UnsafeMutablePointer<S>) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Float.self)
  }
}
