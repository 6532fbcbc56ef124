import Basics
import CKernels

/// y[R, C] = x / max(‖x‖, 1e-12), as torch.nn.functional.normalize; norms[R] are saved.
package func l2NormaliseForward(
  _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, norms: UnsafeMutablePointer<Float>,
  rows: Int,
  columns: Int
) {
  let span = Phase.rows.begin()
  defer { span.end() }
  kelip_l2_normalise(x, y, norms, Int64(rows), Int64(columns))
}

/// dX = (dY − y (y·dY)) / ‖x‖. Saved from forward: y, norms.
package func l2NormaliseBackward(
  _ dy: UnsafePointer<Float>, y: UnsafePointer<Float>, norms: UnsafePointer<Float>,
  into dx: UnsafeMutablePointer<Float>, rows: Int, columns: Int
) {
  let span = Phase.rows.begin()
  defer { span.end() }
  kelip_l2_normalise_backward(dy, y, norms, dx, Int64(rows), Int64(columns))
}
