#if canImport(Glibc)
  import Glibc
#endif

extension Reference {
  /// P[r, c] = exp(scale · s[r, c]) / Σ over the seen columns; with `causal`, row r sees columns 0…r.
  package static func softmaxRows(
    _ scores: [Double], rows: Int, columns: Int, scale: Double, causal: Bool
  ) -> [Double] {
    var p = [Double](repeating: 0, count: rows * columns)
    for r in 0..<rows {
      let seen = causal ? min(r + 1, columns) : columns
      let z = (0..<seen).map { scale * scores[r * columns + $0] }
      let top = z.max() ?? 0
      let sum = z.reduce(0) { $0 + exp($1 - top) }
      for c in 0..<seen { p[r * columns + c] = exp(z[c] - top) / sum }
    }
    return p
  }

  /// dS[r, c] = scale · P[r, c] · (dP[r, c] − Σ dP[r, ·] P[r, ·]).
  package static func softmaxBackward(
    _ p: [Double], _ dp: [Double], rows: Int, columns: Int, scale: Double
  ) -> [Double] {
    var ds = dp
    for r in 0..<rows {
      let cells = r * columns..<(r + 1) * columns
      let mean = dot(Array(p[cells]), Array(dp[cells]))
      for i in cells { ds[i] = scale * p[i] * (dp[i] - mean) }
    }
    return ds
  }

  /// ln Σ over c of exp(scale · s[r, c]), a row each.
  package static func logSumExp(_ scores: [Double], rows: Int, columns: Int, scale: Double) -> [Double] {
    (0..<rows).map { r in
      let z = scores[r * columns..<(r + 1) * columns].map { scale * $0 }
      let top = z.max() ?? 0
      return top + log(z.reduce(0) { $0 + exp($1 - top) })
    }
  }

  /// P[r, c] = exp(z − rowLSE[r]) + exp(z − columnLSE[c]) with z = scale · s, and Σ P · s.
  package static func contrastiveTile(
    _ scores: [Double], rows: Int, columns: Int, scale: Double, rowLSE: [Double], columnLSE: [Double]
  ) -> (p: [Double], total: Double) {
    var p = scores
    for r in 0..<rows {
      for c in 0..<columns {
        let z = scale * scores[r * columns + c]
        p[r * columns + c] = exp(z - rowLSE[r]) + exp(z - columnLSE[c])
      }
    }
    return (p, dot(p, scores))
  }
}
