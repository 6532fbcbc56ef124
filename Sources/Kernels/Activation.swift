import Basics
import CKernels

/// The non-linearity of a transformer's MLP.
package enum Activation: Sendable {
  /// x · σ(1.702 x), OpenAI CLIP's.
  case quickGELU
  /// x · Φ(x), with the exact error function.
  case gelu
}

/// y = act(x), element by element.
package func activationForward<S: ComputeScalar>(
  _ kind: Activation, _ x: UnsafePointer<S>, into y: UnsafeMutablePointer<S>, count: Int
) {
  let span = Phase.activation.begin()
  defer { span.end() }
  let table = kernelTable(S.self)
  switch kind {
  case .quickGELU: table.quick_gelu_forward(x, y, Int64(count))
  case .gelu: table.gelu_forward(x, y, Int64(count))
  }
}

/// dX = dY · act'(x); `dX` may be the memory of `dY`. Saved from forward: x.
package func activationBackward<S: ComputeScalar>(
  _ kind: Activation, _ dy: UnsafePointer<S>, x: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>,
  count: Int
) {
  let span = Phase.activation.begin()
  defer { span.end() }
  let table = kernelTable(S.self)
  switch kind {
  case .quickGELU: table.quick_gelu_backward(dy, x, dx, Int64(count))
  case .gelu: table.gelu_backward(dy, x, dx, Int64(count))
  }
}
