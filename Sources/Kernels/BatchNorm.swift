import Basics
import CKernels

/// Adds a vector up over all ranks, in place.
package typealias SumOverRanks = (UnsafeMutableBufferPointer<Double>) throws -> Void

/// A batch's statistics for each of C channels, [C] each.
package struct BatchMoments {
  package var mean: UnsafeMutablePointer<Float>
  /// The biased one, Σ(x − μ)² / count.
  package var variance: UnsafeMutablePointer<Float>
  /// 1 / √(variance + ε).
  package var rstd: UnsafeMutablePointer<Float>
  /// Rows that the statistics are of, those of other ranks included.
  package var count: Double
}

/// Sums over R rows that a convolution makes while it writes them: of each of C columns with a pivot p near its mean,
/// Σ(x − p) and Σ(x − p)².
package struct ColumnMoments {
  package var rows: Int
  package var pivot: UnsafeMutablePointer<Float>
  package var sums: UnsafeMutablePointer<Double>
  package var squares: UnsafeMutablePointer<Double>

  init(rows: Int, columns: Int, arena: Arena) {
    self.rows = rows
    pivot = arena.allocate(Float.self, columns)
    sums = arena.allocate(Double.self, columns)
    squares = arena.allocate(Double.self, columns)
  }
}

/// The statistics of x[R, C] over its rows, and over those of all ranks where `sumOverRanks` is given.
///
/// Each rank's variance is summed about its own mean, and put together in 64 bits: nothing is lost when |μ| ≫ σ. The
/// exchange is one vector of 1 + 2·C numbers. The results lie in the arena.
package func batchMoments<S: ComputeScalar>(
  _ x: UnsafePointer<S>, rows: Int, columns: Int, eps: Float, sumOverRanks: SumOverRanks?, arena: Arena
) throws -> BatchMoments {
  try batchMoments(columns: columns, eps: eps, sumOverRanks, arena) {
    sumPowers(x, rows: rows, columns: columns, scratch: $0, into: $1, arena: arena)
  }
}

/// The same of rows whose sums are there already.
package func batchMoments(
  _ rows: ColumnMoments, columns: Int, eps: Float, sumOverRanks: SumOverRanks?, arena: Arena
) throws -> BatchMoments {
  try batchMoments(columns: columns, eps: eps, sumOverRanks, arena) { _, sums in
    let count = Double(rows.rows)
    sums[0] = count
    // Σ(x − p) → Σ x and Σ(x − p)² → Σ x².
    for c in 0..<columns {
      let pivot = Double(rows.pivot[c])
      sums[1 + c] = rows.sums[c] + count * pivot
      sums[1 + columns + c] = rows.squares[c] + pivot * (2 * rows.sums[c] + count * pivot)
    }
  }
}

/// - Parameter sumPowers: writes (R, Σ x, Σ x²) of this rank's rows; the first argument is scratch memory, [C].
private func batchMoments(
  columns: Int, eps: Float, _ sumOverRanks: SumOverRanks?, _ arena: Arena,
  sumPowers: (UnsafeMutablePointer<Float>, UnsafeMutableBufferPointer<Double>) -> Void
) throws -> BatchMoments {
  let span = Phase.batchNorm.begin()
  defer { span.end() }
  var result = BatchMoments(
    mean: arena.allocate(Float.self, columns), variance: arena.allocate(Float.self, columns),
    rstd: arena.allocate(Float.self, columns), count: 0)
  try arena.scratch {
    let sums = UnsafeMutableBufferPointer(
      start: arena.allocate(Double.self, 1 + 2 * columns), count: 1 + 2 * columns)
    sumPowers(result.mean, sums)
    try sumOverRanks?(sums)
    result.count = sums[0]
    let count = max(1, result.count)
    for c in 0..<columns {
      let mean = sums[1 + c] / count
      let variance = max(0, sums[1 + columns + c] / count - mean * mean)
      result.mean[c] = Float(mean)
      result.variance[c] = Float(variance)
      result.rstd[c] = Float(1 / (variance + Double(eps)).squareRoot())
    }
  }
  return result
}

/// (R, Σ x, Σ x²) of this rank's rows.
private func sumPowers<S: ComputeScalar>(
  _ x: UnsafePointer<S>, rows: Int, columns: Int, scratch mean: UnsafeMutablePointer<Float>,
  into sums: UnsafeMutableBufferPointer<Double>, arena: Arena
) {
  let table = batchNormTable(S.self)
  let (plain, squares) = (sums.baseAddress! + 1, sums.baseAddress! + 1 + columns)
  sums[0] = Double(rows)
  sumOverRows(rows, columns: columns, into: plain, arena: arena) { rows, sums in
    table.column_sums(x + rows.lowerBound * columns, sums, Int64(rows.count), Int64(columns))
  }
  for c in 0..<columns { mean[c] = Float(plain[c] / Double(max(1, rows))) }
  sumOverRows(rows, columns: columns, into: squares, arena: arena) { rows, sums in
    table.column_squares(x + rows.lowerBound * columns, mean, sums, Int64(rows.count), Int64(columns))
  }
  // Σ(x − m)² → Σ x², for an m that is the mean but for its rounding.
  for c in 0..<columns {
    let m = Double(mean[c])
    squares[c] += 2 * m * plain[c] - Double(rows) * m * m
  }
}

/// Stored statistics in the form of a batch's: mean and variance stay where they are, 1/√(variance + ε) is new.
package func storedMoments(
  mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>, columns: Int, eps: Float,
  arena: Arena
) -> BatchMoments {
  let rstd = arena.allocate(Float.self, columns)
  for c in 0..<columns { rstd[c] = 1 / (variance[c] + eps).squareRoot() }
  return BatchMoments(mean: mean, variance: variance, rstd: rstd, count: 0)
}

/// running = (1 − momentum) · running + momentum · batch, with the unbiased variance, as torch.nn.BatchNorm2d.
package func updateRunningStatistics(
  mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>, with batch: BatchMoments,
  columns: Int, momentum: Float
) {
  let unbiased = Float(batch.count / max(1, batch.count - 1))
  for c in 0..<columns {
    mean[c] += momentum * (batch.mean[c] - mean[c])
    variance[c] += momentum * (batch.variance[c] * unbiased - variance[c])
  }
}

/// y[R, C] = act((x − μ) / √(σ² + ε) · gain + bias + residual), where act is the ReLU or nothing.
package func batchNormForward<S: ComputeScalar>(
  _ x: UnsafePointer<S>, residual: UnsafePointer<S>?, moments: BatchMoments, gain: UnsafePointer<Float>,
  bias: UnsafePointer<Float>, relu: Bool, into y: UnsafeMutablePointer<S>, rows: Int, columns: Int,
  arena: Arena
) {
  let span = Phase.batchNorm.begin()
  defer { span.end() }
  arena.scratch {
    let scale = arena.allocate(Float.self, columns)
    for c in 0..<columns { scale[c] = gain[c] * moments.rstd[c] }
    let table = batchNormTable(S.self)
    WorkerPool.shareRows(rows, columns: columns) { rows in
      let first = rows.lowerBound * columns
      table.batch_norm_apply(
        x + first, residual.map { $0 + first }, moments.mean, scale, bias, y + first, Int64(rows.count),
        Int64(columns), relu ? 1 : 0)
    }
  }
}

@inline(__always)
func batchNormTable<S: ComputeScalar>(_: S.Type) -> KelipBatchNormTable {
  switch S.precision {
  case .fp32: kelip_batch_norm_f32
  case .bf16: nativeBFloat16 ? kelip_batch_norm_bf16_native : kelip_batch_norm_bf16
  }
}
