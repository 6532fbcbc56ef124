import Basics
import CKernels

/// y = tanh(x), element by element; `y` may be the memory of `x`.
package func tanhForward<S: ComputeScalar>(
  _ x: UnsafePointer<S>, into y: UnsafeMutablePointer<S>, count: Int
) {
  let span = Phase.activation.begin()
  defer { span.end() }
  kernelTable(S.self).tanh_forward(x, y, Int64(count))
}

/// dX = dY (1 − y²); `dX` may be the memory of `dY`. Saved from forward: y.
package func tanhBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, y: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, count: Int
) {
  let span = Phase.activation.begin()
  defer { span.end() }
  kernelTable(S.self).tanh_backward(dy, y, dx, Int64(count))
}
