extension Reference {
  /// factor[channel] · x + offset[channel] of patches x[R, 3·pixels].
  package static func scaleChannels(
    _ x: [Double], factor: [Double], offset: [Double], pixels: Int
  ) -> [Double] {
    x.indices.map { i in factor[i / pixels % 3] * x[i] + offset[i / pixels % 3] }
  }

  /// (x − μ) / √(σ² + 10⁻⁶) of each row, σ² over C − 1.
  package static func standardiseRows(_ x: [Double], rows: Int, columns: Int) -> [Double] {
    (0..<rows).flatMap { r in
      let row = x[r * columns..<(r + 1) * columns]
      let mean = row.reduce(0, +) / Double(columns)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns - 1)
      return row.map { ($0 - mean) / (variance + 1e-6).squareRoot() }
    }
  }

  /// Σ (y − target)² and factor · (y − target).
  package static func squaredError(
    _ y: [Double], target: [Double], factor: Double
  ) -> (sum: Double, dy: [Double]) {
    let differences = zip(y, target).map { $0 - $1 }
    return (dot(differences, differences), differences.map { factor * $0 })
  }
}
