import Basics
import CKernels

/// y[R, C] = table[ids[r]] + positions[position[r]]; a negative id (row padding) gives a zero row.
package func embedTokensForward<S: ComputeScalar>(
  table: UnsafePointer<Float>, positions: UnsafePointer<Float>, ids: UnsafePointer<Int32>,
  position: UnsafePointer<Int32>, into y: UnsafeMutablePointer<S>, rows: Int, columns: Int
) {
  let span = Phase.embedding.begin()
  defer { span.end() }
  let kernels = kernelTable(S.self)
  WorkerPool.shareRows(rows, columns: columns) { part in
    kernels.embed_tokens(
      table, positions, ids + part.lowerBound, position + part.lowerBound, y + part.lowerBound * columns,
      Int64(part.count), Int64(columns))
  }
}

/// dTable[ids[r]] += dY[r]; dPositions[position[r]] += dY[r].
package func embedTokensBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, ids: UnsafePointer<Int32>, position: UnsafePointer<Int32>,
  dTable: UnsafeMutablePointer<Float>, dPositions: UnsafeMutablePointer<Float>, rows: Int, columns: Int
) {
  let span = Phase.embedding.begin()
  defer { span.end() }
  kernelTable(S.self).embed_tokens_backward(
    dy, ids, position, dTable, dPositions, Int64(rows), Int64(columns))
}
