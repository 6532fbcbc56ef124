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
  kernelTable(S.self).add_layer_norm_forward(
    x, residual, gain, bias, h, y, mean, rstd, Int64(rows), Int64(columns), eps)
}

/// Adds the gradient through the norm to `dH`[R, C] (+=), and accumulates `dGain`[C] and `dBias`[C] (+=).
package func layerNormBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, h: UnsafePointer<S>, gain: UnsafePointer<Float>, mean: UnsafePointer<Float>,
  rstd: UnsafePointer<Float>, addingTo dH: UnsafeMutablePointer<S>, dGain: UnsafeMutablePointer<Float>,
  dBias: UnsafeMutablePointer<Float>, rows: Int, columns: Int
) {
  let span = Phase.layerNorm.begin()
  defer { span.end() }
  kernelTable(S.self).layer_norm_backward(
    dy, h, gain, mean, rstd, dH, dGain, dBias, Int64(rows), Int64(columns))
}
