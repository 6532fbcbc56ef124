import CKernels

#if canImport(Glibc)
  import Glibc
#endif

/// y = tanh(x), element by element; `y` may be the memory of `x`.
package func tanhForward<S: ComputeScalar>(
  _ x: UnsafePointer<S>, into y: UnsafeMutablePointer<S>, count: Int
) {
  for i in 0..<count { y[i] = S(rounding: tanhf(x[i].float)) }
}

/// dX = dY (1 − y²); `dX` may be the memory of `dY`. Saved from forward: y.
package func tanhBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, y: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, count: Int
) {
  for i in 0..<count {
    let value = y[i].float
    dx[i] = S(rounding: dy[i].float * (1 - value * value))
  }
}
