import CKernels

/// The bf16 path on Intel's AMX: our own kernels, with bias and activation done while a result is in cache.
final class MatrixUnitProducts<S: ComputeScalar>: FusedProducts {
  let weight: LinearWeight
  private let copies = WeightCopies()

  init(_ weight: LinearWeight) {
    precondition(S.precision == .bf16)
    self.weight = weight
  }

  func refresh(training: Bool) {
    let (inputs, outputs) = (weight.inputs, weight.outputs)
    let bytes = Int(kelip_packed_count(Int64(inputs), Int64(outputs))) * MemoryLayout<S>.stride
    pack(k: inputs, n: outputs, transposed: weight.isByOutputs, into: copies.forward(bytes: bytes))
    guard training else { return }
    pack(k: outputs, n: inputs, transposed: !weight.isByOutputs, into: copies.backward(bytes: bytes))
  }

  private func pack(k: Int, n: Int, transposed: Bool, into copy: UnsafeMutableRawPointer) {
    let (stride, panel) = (weight.rowLength, Int(kelip_packed_count(Int64(k), 32)) * MemoryLayout<S>.stride)
    WorkerPool.shareRows((n + 31) / 32, columns: 32 * k) { panels in
      let (start, end) = (panels.lowerBound * 32, min(n, panels.upperBound * 32))
      kelip_pack_f32(
        weight.masters + start * (transposed ? stride : 1), Int64(stride), transposed ? 1 : 0, Int64(k),
        Int64(end - start), copy + panels.lowerBound * panel)
    }
  }

  func forwardToFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, rows: Int
  ) {
    var product = forwardProduct(x, bias, y, rows)
    product.float_output = 1
    product.multiply()
  }

  func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, into dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?, rows: Int, arena: Arena
  ) {
    guard rows > 0 else { return }
    let (left, right) = weight.outerOperands(x, dy)
    // The column sums of dY come along where it is the operand that is transposed.
    let sums = weight.isByOutputs ? dBias : nil
    if let dBias, sums == nil { addColumnSums(dy, to: dBias, rows: rows, columns: weight.outputs) }
    kelip_outer_product(
      left.rows, right.rows, dWeight, sums, Int64(rows), Int64(left.columns), Int64(right.columns), 1)
  }

  func forwardProduct(
    _ x: UnsafePointer<S>, _ bias: UnsafePointer<Float>?, _ y: UnsafeMutableRawPointer, _ rows: Int
  ) -> KelipProduct {
    guard let packed = copies.forward else { preconditionFailure("refresh() was not called") }
    return product(x, weight.inputs, packed, weight.outputs, bias, y, rows)
  }

  func backwardProduct(_ dy: UnsafePointer<S>, _ dx: UnsafeMutableRawPointer, _ rows: Int) -> KelipProduct {
    guard let packed = copies.backward else { preconditionFailure("refresh(training: true) was not called") }
    return product(dy, weight.outputs, packed, weight.inputs, nil, dx, rows)
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
}
