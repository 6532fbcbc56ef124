import CKernels

/// Dot products of bfloat16 rows with a query, in 32-bit floats, shared by the worker pool. A row's score depends on its
/// values alone, neither on its place nor on the number of workers.
///
/// - Parameters:
///   - rows: [R, C] bfloat16, of any alignment.
///   - query: [C]
///   - scores: [R]
package func scoreRows(
  _ rows: UnsafeRawPointer, query: UnsafePointer<Float>, into scores: UnsafeMutablePointer<Float>,
  rows count: Int,
  columns: Int
) {
  WorkerPool.shareRows(count, columns: columns) { part in
    kelip_score_rows_bf16(
      rows + 2 * columns * part.lowerBound, query, scores + part.lowerBound, Int64(part.count), Int64(columns)
    )
  }
}
