import Basics
import CKernels

/// How the gradient passes through a batch norm's statistics.
package enum MomentsGradient {
  /// They came from the batch; over all ranks where the closure is given, the same as in forward.
  case batch(SumOverRanks?)
  /// They are stored constants.
  case none
}

/// How dY becomes dX behind a batch norm, [C] each: dX = scale · (dY − shift − (x − mean) · slope).
package struct NormGradient {
  var mean: UnsafePointer<Float>
  var scale: UnsafePointer<Float>
  var shift: UnsafePointer<Float>
  var slope: UnsafePointer<Float>
}

/// The first half of a batch norm's backward, in one pass over its rows: dY = 0 where the result y of the ReLU behind it
/// is 0 (nil: there is none), in place; dGain += Σᵣ dY n and dBias += Σᵣ dY of this rank's rows, n = (x − μ) · rstd.
///
/// What is returned gives dX; it lies in the arena.
package func batchNormGradient<S: ComputeScalar>(
  _ dy: UnsafeMutablePointer<S>, relu y: UnsafePointer<S>?, x: UnsafePointer<S>, moments: BatchMoments,
  through statistics: MomentsGradient, gain: UnsafePointer<Float>, dGain: UnsafeMutablePointer<Float>,
  dBias: UnsafeMutablePointer<Float>, rows: Int, columns: Int, arena: Arena
) throws -> NormGradient {
  let span = Phase.batchNorm.begin()
  defer { span.end() }
  let factors = arena.allocate(Float.self, 3 * columns)
  let (shift, slope) = (factors + columns, factors + 2 * columns)
  try arena.scratch {
    let sums = UnsafeMutableBufferPointer(start: arena.allocate(Double.self, 2 * columns), count: 2 * columns)
    let weighted = sums.baseAddress! + columns
    let table = batchNormTable(S.self)
    sumOverRows(rows, columns: columns, width: 2 * columns, into: sums.baseAddress!, arena: arena) {
      rows, sums in
      let first = rows.lowerBound * columns
      table.batch_norm_gradient_sums(
        dy + first, y.map { $0 + first }, x + first, moments.mean, moments.rstd, sums, sums + columns,
        Int64(rows.count), Int64(columns))
    }
    for c in 0..<columns {
      dGain[c] += Float(weighted[c])
      dBias[c] += Float(sums[c])
    }
    let share = try shareOfRow(sums, moments, statistics)
    for c in 0..<columns {
      factors[c] = gain[c] * moments.rstd[c]
      shift[c] = Float(sums[c] * share)
      slope[c] = Float(weighted[c] * share) * moments.rstd[c]
    }
  }
  return NormGradient(mean: moments.mean, scale: factors, shift: shift, slope: slope)
}

/// The second half: dX of dY[R, C]; `dX` may be the memory of `dY`.
package func batchNormInputGradient<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, x: UnsafePointer<S>, _ gradient: NormGradient, into dx: UnsafeMutablePointer<S>,
  rows: Int, columns: Int
) {
  let span = Phase.batchNorm.begin()
  defer { span.end() }
  let table = batchNormTable(S.self)
  WorkerPool.shareRows(rows, columns: columns) { rows in
    let first = rows.lowerBound * columns
    table.batch_norm_backward(
      dy + first, x + first, gradient.mean, gradient.scale, gradient.shift, gradient.slope, dx + first,
      Int64(rows.count), Int64(columns))
  }
}

/// With n = (x − μ) · rstd: dX = gain · rstd · (dY − mean(dY) − n · mean(dY n)), means over the rows that the statistics
/// are of and 0 where these are stored; dGain += Σᵣ dY n and dBias += Σᵣ dY of this rank's rows.
///
/// `dX` may be the memory of `dY`. Saved from forward: x, `moments`.
package func batchNormBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, x: UnsafePointer<S>, moments: BatchMoments, through statistics: MomentsGradient,
  gain: UnsafePointer<Float>, dGain: UnsafeMutablePointer<Float>, dBias: UnsafeMutablePointer<Float>,
  into dx: UnsafeMutablePointer<S>, rows: Int, columns: Int, arena: Arena
) throws {
  try arena.scratch {
    // Without a ReLU the first half leaves dY as it is.
    let gradient = try batchNormGradient(
      UnsafeMutablePointer(mutating: dy), relu: nil, x: x, moments: moments, through: statistics, gain: gain,
      dGain: dGain, dBias: dBias, rows: rows, columns: columns, arena: arena)
    batchNormInputGradient(dy, x: x, gradient, into: dx, rows: rows, columns: columns)
  }
}

/// Makes the sums those of all rows, and returns what one row has of them.
private func shareOfRow(
  _ sums: UnsafeMutableBufferPointer<Double>, _ moments: BatchMoments, _ statistics: MomentsGradient
) throws -> Double {
  guard case .batch(let sumOverRanks) = statistics else { return 0 }
  try sumOverRanks?(sums)
  return 1 / max(1, moments.count)
}
