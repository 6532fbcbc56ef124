import CKernels

/// Σ x² in 64 bits and a fixed order.
package func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double {
  kelip_sum_of_squares(x, Int64(count))
}

/// Σ x·y in 64 bits and a fixed order.
package func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Double {
  kelip_dot(x, y, Int64(count))
}

/// x *= factor.
package func scale(_ x: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
  kelip_scale(x, factor, Int64(count))
}
