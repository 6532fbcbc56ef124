import CKernels

/// The bf16 path on Intel's AMX: our own kernels, with bias and activation done while a result is in cache.
final class MatrixUnitProducts<S: ComputeScalar>: LinearProducts {
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
    forwardCopy = forwardCopy ?? copyBuffer()
    pack(k: inputs, n: outputs, transposed: weight.isByOutputs, into: forwardCopy!)
    guard training else { return }
    backwardCopy = backwardCopy ?? copyBuffer()
    pack(k: outputs, n: inputs, transposed: !weight.isByOutputs, into: backwardCopy!)
  }

  private func pack(k: Int, n: Int, transposed: Bool, into copy: UnsafeMutableRawPointer) {
    let (stride, panel) = (weight.rowLength, Int(kelip_packed_count(Int64(k), 32)) * MemoryLayout<S>.stride)
    WorkerPool.share(n, grain: (WorkerPool.worthSharing / k + 31) / 32 * 32) { columns in
      let start = columns.lowerBound
      kelip_pack_f32(
        weight.masters + start * (transposed ? stride : 1), Int64(stride), transposed ? 1 : 0, Int64(k),
        Int64(columns.count), copy + start / 32 * panel)
    }
  }

  private func copyBuffer() -> UnsafeMutableRawPointer {
    let count = kelip_packed_count(Int64(weight.inputs), Int64(weight.outputs))
    return .allocate(byteCount: Int(count) * MemoryLayout<S>.stride, alignment: 64)
  }

  func forward(_ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<S>, rows: Int)
  {
    multiply(forwardProduct(x, bias, y, rows))
  }

  func forwardToFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, rows: Int
  ) {
    var product = forwardProduct(x, bias, y, rows)
    product.float_output = 1
    multiply(product)
  }

  func forward(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, through activation: ActivationPass<S>,
    into y: UnsafeMutablePointer<S>, rows: Int
  ) {
    var product = forwardProduct(x, bias, y, rows)
    product.saved = UnsafeMutableRawPointer(activation.input)
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
    product.saved = UnsafeMutableRawPointer(activation.input)
    product.epilogue = Int32(
      (activation.kind == .quickGELU ? KELIP_STORE_QUICK_GELU_BACKWARD : KELIP_STORE_GELU_BACKWARD).rawValue)
    multiply(product)
  }

  func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, into dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?, rows: Int, arena: Arena
  ) {
    guard rows > 0 else { return }
    let (inputs, outputs) = (Int64(weight.inputs), Int64(weight.outputs))
    let (left, right) = weight.isByOutputs ? ((dy, outputs), (x, inputs)) : ((x, inputs), (dy, outputs))
    // The column sums of dY come along where it is the operand that is transposed.
    let sums = weight.isByOutputs ? dBias : nil
    if let dBias, sums == nil { addColumnSums(dy, to: dBias, rows: rows, columns: weight.outputs) }
    kelip_outer_product(left.0, right.0, dWeight, sums, Int64(rows), left.1, right.1, 1)
  }

  private func forwardProduct(
    _ x: UnsafePointer<S>, _ bias: UnsafePointer<Float>?, _ y: UnsafeMutableRawPointer, _ rows: Int
  ) -> KelipProduct {
    guard let forwardCopy else { preconditionFailure("refresh() was not called") }
    return product(x, weight.inputs, forwardCopy, weight.outputs, bias, y, rows)
  }

  private func backwardProduct(_ dy: UnsafePointer<S>, _ dx: UnsafeMutableRawPointer, _ rows: Int)
    -> KelipProduct
  {
    guard let backwardCopy else { preconditionFailure("refresh(training: true) was not called") }
    return product(dy, weight.outputs, backwardCopy, weight.inputs, nil, dx, rows)
  }

  private func product(
    _ a: UnsafePointer<S>, _ k: Int, _ packed: UnsafeMutableRawPointer, _ n: Int,
    _ bias: UnsafePointer<Float>?, _ c: UnsafeMutableRawPointer, _ rows: Int
  ) -> KelipProduct {
    KelipProduct(
      m: Int64(rows), k: Int64(k), n: Int64(n), a: a, a_stride: Int64(k), packed: packed, c: c,
      c_stride: Int64(n), float_output: 0, accumulate: 0, alpha: 1, bias: bias,
      epilogue: Int32(KELIP_STORE.rawValue), saved: nil)
  }

  private func multiply(_ product: KelipProduct) {
    guard product.m > 0 else { return }
    withUnsafePointer(to: product) { kelip_multiply($0) }
  }
}
