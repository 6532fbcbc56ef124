import CKernels

/// Softmax of scale · s over each row of scores[R, C], in place; with `causal`, row r sees columns 0…r only.
package func softmaxRows(
  _ scores: UnsafeMutablePointer<Float>, rows: Int, columns: Int, scale: Float, causal: Bool
) {
  kelip_softmax_rows(scores, Int64(rows), Int64(columns), Int64(columns), scale, causal ? 1 : 0)
}

/// dS = scale · P ⊙ (dP − rowsum(dP ⊙ P)), in place of dP[R, C]. Saved from forward: P.
package func softmaxBackward(
  _ p: UnsafePointer<Float>, _ dp: UnsafeMutablePointer<Float>, rows: Int, columns: Int, scale: Float
) {
  kelip_softmax_backward(p, dp, Int64(rows), Int64(columns), Int64(columns), scale)
}
