import CKernels

/// Σ |x − target| over `count` values, and dX = factor · sign(x − target), where sign(0) = 0. `dX` is written.
package func l1LossAndGradient(
  _ x: UnsafePointer<Float>, target: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, count: Int,
  factor: Float
) -> Double {
  kelip_l1(x, target, dx, Int64(count), factor)
}

/// The same over rows of x[R, C] whose targets are rows of a table[V, C]: row r's is table[targets[r]].
package func l1RowsLossAndGradient(
  _ x: UnsafePointer<Float>, table: UnsafePointer<Float>, targets: ArraySlice<Int32>, columns: Int,
  into dx: UnsafeMutablePointer<Float>, factor: Float
) -> Double {
  targets.enumerated().reduce(0) { loss, row in
    let start = row.offset * columns
    return loss
      + l1LossAndGradient(
        x + start, target: table + Int(row.element) * columns, into: dx + start, count: columns,
        factor: factor)
  }
}
