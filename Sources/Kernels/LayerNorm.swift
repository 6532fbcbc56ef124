import Basics
import CKernels

/// Layer norm over C columns, y = (h − μ) / √(σ² + ε) · gain + bias, fused with the residual sum before it.
///
/// h = x + residual is written to `h` when there is a residual; otherwise the norm is of `x` itself.
/// Saved for backward: h, `mean`[R], `rstd`[R].
package func addLayerNormForward<S: ComputeScalar>(
  _ x: UnsafePointer<S>, residual: UnsafePointer<S>?, gain: UnsafePointer<Float>, bias: UnsafePointer<Float>,
  h: UnsafeMutablePointer<S>?, into y: UnsafeMutablePointer<S>, mean: UnsafeMutablePointer<Float>,
  rstd: UnsafeMutablePointer<Float>, rows: Int, columns: Int, eps: Float = 1e-5
) {
  let span = Phase.layerNorm.begin()
  defer { span.end() }
  precondition((residual == nil) == (h == nil))
  let table = kernelTable(S.self)
  WorkerPool.shareRows(rows, columns: columns) { part in
    let start = part.lowerBound * columns
    table.add_layer_norm_forward(
      x + start, residual.map { $0 + start }, gain, bias, h.map { $0 + start }, y + start,
      mean + part.lowerBound, rstd + part.lowerBound, Int64(part.count), Int64(columns), eps)
  }
}

/// Adds the gradient through the norm to `dH`[R, C] (+=), and accumulates `dGain`[C] and `dBias`[C] (+=): over a fixed
/// number of rows at a time, then over these in their order.
package func layerNormBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, h: UnsafePointer<S>, gain: UnsafePointer<Float>, mean: UnsafePointer<Float>,
  rstd: UnsafePointer<Float>, addingTo dH: UnsafeMutablePointer<S>, dGain: UnsafeMutablePointer<Float>,
  dBias: UnsafeMutablePointer<Float>, rows: Int, columns: Int, arena: Arena
) {
  let span = Phase.layerNorm.begin()
  defer { span.end() }
  let table = kernelTable(S.self)
  let rowsAtOnce = 64
  let parts = (rows + rowsAtOnce - 1) / rowsAtOnce
  arena.scratch {
    let sums = arena.allocate(Float.self, parts * 2 * columns)
    WorkerPool.forEach(parts) { part, _ in
      let (first, sum) = (part * rowsAtOnce, sums + part * 2 * columns)
      let start = first * columns
      sum.update(repeating: 0, count: 2 * columns)
      table.layer_norm_backward(
        dy + start, h + start, gain, mean + first, rstd + first, dH + start, sum, sum + columns,
        Int64(min(rowsAtOnce, rows - first)), Int64(columns))
    }
    kelip_kernels_f32.add_column_sums(sums, dGain, Int64(parts), Int64(columns), Int64(2 * columns))
    kelip_kernels_f32.add_column_sums(sums + columns, dBias, Int64(parts), Int64(columns), Int64(2 * columns))
  }
}
