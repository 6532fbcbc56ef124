import CKernels

/// Folds scale · scores[R, C] into a running log-sum-exp a row, held as (maximum, sum relative to it).
package func logSumExpTile(
  _ scores: UnsafePointer<Float>, rows: Int, columns: Int, scale: Float, maximum: UnsafeMutablePointer<Float>,
  sum: UnsafeMutablePointer<Double>
) {
  kelip_log_sum_exp_tile(scores, Int64(rows), Int64(columns), scale, maximum, sum)
}

/// Replaces scores by softmax over the row plus softmax over the column, exp(z − lse_r) + exp(z − lse_c) with
/// z = scale · score; returns Σ (that · score), which the gradient of the scale needs.
package func contrastiveTile(
  _ scores: UnsafeMutablePointer<Float>, rows: Int, columns: Int, scale: Float, rowLSE: UnsafePointer<Float>,
  columnLSE: UnsafePointer<Float>
) -> Double {
  kelip_contrastive_tile(scores, Int64(rows), Int64(columns), scale, rowLSE, columnLSE)
}
