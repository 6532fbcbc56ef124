import CKernels

/// x = factor[channel] · x + offset[channel], in place, for patches x[R, 3·pixels] in channel order.
package func scaleChannels(
  _ x: UnsafeMutablePointer<Float>, factor: [Float], offset: [Float], rows: Int, pixels: Int
) {
  precondition(factor.count == 3 && offset.count == 3)
  kelip_channel_affine(x, Int64(rows), Int64(pixels), factor, offset)
}

/// x = (x − μ) / √(σ² + ε) of each row of x[R, C], in place; σ² over C − 1 as torch.var (C > 1).
package func standardiseRows(
  _ x: UnsafeMutablePointer<Float>, rows: Int, columns: Int, eps: Float = 1e-6
) {
  precondition(columns > 1)
  kelip_standardise_rows(x, Int64(rows), Int64(columns), eps)
}

/// Returns Σ (y − target)² and writes dY = factor · (y − target); `factor` is 2 over what the sum is divided by.
/// `dY` may be the memory of `target`.
package func squaredError(
  _ y: UnsafePointer<Float>, target: UnsafePointer<Float>, into dy: UnsafeMutablePointer<Float>, count: Int,
  factor: Float
) -> Double {
  kelip_squared_error(y, target, dy, Int64(count), factor)
}
