import CKernels

/// Σ |x − target| over `count` values, and dX = factor · sign(x − target), where sign(0) = 0. `dX` is written.
package func l1LossAndGradient(
  _ x: UnsafePointer<Float>, target: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, count: Int,
  factor: Float
) -> Double {
  kelip_l1(x, target, dx, Int64(count), factor)
}
