import Basics
import CKernels

/// scores[r, c] = rows[r] · columns[c] of rows [R, K] and columns [C, K], on the worker pool.
///
/// A score depends on its two rows alone: not on where they stand, on how many there are, or on which of them is called a
/// row, so that equal rows tie. (OpenBLAS rounds otherwise at the edges of its tiles.)
package func dotProducts(
  _ rows: UnsafePointer<Float>, _ columns: UnsafePointer<Float>, into scores: UnsafeMutablePointer<Float>,
  rows rowCount: Int, columns columnCount: Int, dimension: Int
) {
  guard rowCount > 0, columnCount > 0 else { return }
  guard ProductEngine.preferred(.fp32) == .vectorUnit else {
    return portableDotProducts(
      rows, columns, into: scores, rows: rowCount, columns: columnCount, dimension: dimension)
  }
  let span = Phase.product.begin(flops: 2 * Double(rowCount) * Double(columnCount) * Double(dimension))
  defer { span.end() }
  KelipFloatProduct(
    m: Int64(rowCount), k: Int64(dimension), n: Int64(columnCount),
    a: KelipMatrix(start: rows, stride: Int64(dimension), transposed: 0),
    b: KelipMatrix(start: columns, stride: Int64(dimension), transposed: 1), c: scores,
    c_stride: Int64(columnCount), accumulate: 0, bias: nil, row_sums: nil,
    epilogue: Int32(KELIP_STORE.rawValue), saved: nil
  ).multiply()
}

/// The same in plain vector loops, for processors without AVX-512.
func portableDotProducts(
  _ rows: UnsafePointer<Float>, _ columns: UnsafePointer<Float>, into scores: UnsafeMutablePointer<Float>,
  rows rowCount: Int, columns columnCount: Int, dimension: Int
) {
  let span = Phase.product.begin(flops: 2 * Double(rowCount) * Double(columnCount) * Double(dimension))
  defer { span.end() }
  WorkerPool.shareRows(rowCount, columns: columnCount * dimension) { part in
    for row in part {
      kelip_score_rows_f32(
        columns, rows + row * dimension, scores + row * columnCount, Int64(columnCount), Int64(dimension))
    }
  }
}
