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
  let loop = kind == .quickGELU ? table.quick_gelu_forward : table.gelu_forward
  WorkerPool.share(count, grain: WorkerPool.worthSharing) { part in
    loop!(x + part.lowerBound, y + part.lowerBound, Int64(part.count))
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
  let loop = kind == .quickGELU ? table.quick_gelu_backward : table.gelu_backward
  WorkerPool.share(count, grain: WorkerPool.worthSharing) { part in
    loop!(dy + part.lowerBound, x + part.lowerBound, dx + part.lowerBound, Int64(part.count))
  }
}
