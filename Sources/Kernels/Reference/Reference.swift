/// Every operation of this room once more: plain loops over 64-bit floats that read like the formula.
///
/// Nothing here is fast; tests hold the fast paths against it. Matrices are row major. A backward returns what the
/// fast one would write or, for parameters, what it would add.
package enum Reference {}

extension Reference {
  /// yᵀ[C, R] of x[R, C].
  package static func transpose(_ x: [Double], rows: Int, columns: Int) -> [Double] {
    var y = [Double](repeating: 0, count: rows * columns)
    for r in 0..<rows { for c in 0..<columns { y[c * rows + r] = x[r * columns + c] } }
    return y
  }

  /// Σ x·y.
  package static func dot(_ x: [Double], _ y: [Double]) -> Double {
    zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
