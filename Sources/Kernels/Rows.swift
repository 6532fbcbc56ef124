import Basics
import CKernels

/// y[i] = x[index[i]] for rows C wide: the rows that a tower pools.
package func gatherRows<S: ComputeScalar>(
  _ x: UnsafePointer<S>, index: UnsafePointer<Int32>, count: Int, into y: UnsafeMutablePointer<S>,
  columns: Int
) {
  let span = Phase.rows.begin()
  defer { span.end() }
  let table = kernelTable(S.self)
  WorkerPool.shareRows(count, columns: columns) { part in
    table.gather_rows(
      x, index + part.lowerBound, y + part.lowerBound * columns, Int64(part.count), Int64(columns))
  }
}

/// The same of as many rows as the index has.
package func gatherRows<S: ComputeScalar>(
  _ x: UnsafePointer<S>, index: [Int32], into y: UnsafeMutablePointer<S>, columns: Int
) {
  gatherRows(x, index: index, count: index.count, into: y, columns: columns)
}

/// y[index[i]] = x[i]; other rows of y stay as they are.
package func scatterRows<S: ComputeScalar>(
  _ x: UnsafePointer<S>, index: UnsafePointer<Int32>, count: Int, into y: UnsafeMutablePointer<S>,
  columns: Int
) {
  let span = Phase.rows.begin()
  defer { span.end() }
  kernelTable(S.self).scatter_rows(x, index, y, Int64(count), Int64(columns))
}

/// The same of as many rows as the index has.
package func scatterRows<S: ComputeScalar>(
  _ x: UnsafePointer<S>, index: [Int32], into y: UnsafeMutablePointer<S>, columns: Int
) {
  scatterRows(x, index: index, count: index.count, into: y, columns: columns)
}

/// y[i] += x[i].
package func addInPlace<S: ComputeScalar>(_ x: UnsafePointer<S>, to y: UnsafeMutablePointer<S>, count: Int) {
  let span = Phase.rows.begin()
  defer { span.end() }
  let table = kernelTable(S.self)
  WorkerPool.share(count, grain: WorkerPool.worthSharing) { part in
    table.add_in_place(x + part.lowerBound, y + part.lowerBound, Int64(part.count))
  }
}

/// sums[C] += Σ_r x[r], in 32-bit floats.
package func addColumnSums<S: ComputeScalar>(
  _ x: UnsafePointer<S>, to sums: UnsafeMutablePointer<Float>, rows: Int, columns: Int
) {
  let span = Phase.rows.begin()
  defer { span.end() }
  let table = kernelTable(S.self)
  // By columns: each sum is taken over its rows in their order.
  WorkerPool.share(columns, grain: max(64, WorkerPool.worthSharing / max(1, rows) / 64 * 64)) { part in
    table.add_column_sums(
      x + part.lowerBound, sums + part.lowerBound, Int64(rows), Int64(part.count), Int64(columns))
  }
}

/// Rounds 32-bit floats to the storage type.
package func convert<S: ComputeScalar>(
  _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<S>, count: Int
) {
  let span = Phase.rows.begin()
  defer { span.end() }
  let table = kernelTable(S.self)
  WorkerPool.share(count, grain: WorkerPool.worthSharing) { part in
    table.from_float(x + part.lowerBound, y + part.lowerBound, Int64(part.count))
  }
}

/// Widens to 32-bit floats.
package func widen<S: ComputeScalar>(_ x: UnsafePointer<S>, into y: UnsafeMutablePointer<Float>, count: Int) {
  let span = Phase.rows.begin()
  defer { span.end() }
  let table = kernelTable(S.self)
  WorkerPool.share(count, grain: WorkerPool.worthSharing) { part in
    table.to_float(x + part.lowerBound, y + part.lowerBound, Int64(part.count))
  }
}

/// y[C, R] = xᵀ of x[R, C].
package func transpose<S: ComputeScalar>(
  _ x: UnsafePointer<S>, into y: UnsafeMutablePointer<S>, rows: Int, columns: Int
) {
  let span = Phase.rows.begin()
  defer { span.end() }
  kernelTable(S.self).transpose(x, y, Int64(rows), Int64(columns), Int64(rows))
}
