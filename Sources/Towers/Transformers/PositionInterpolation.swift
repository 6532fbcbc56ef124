#if canImport(Glibc)
  import Glibc
#endif

/// A learned square grid of position embeddings read at another grid, after DINO (Caron et al. 2021,
/// `interpolate_pos_encoding`, which KELIP took over): torch's bicubic interpolation with a = −0.75, edges repeated,
/// no antialiasing.
///
/// DINO adds 0.1 to the wanted rows and columns before it divides, against rounding, and torch samples by that very
/// factor: position i of n lies at (i + ½) · side / (n + 0.1) − ½ of the table. What was trained so is read so.
/// Rows and columns each get their own factor, so a grid need not be square. (KELIP's release swaps the two; it agrees
/// on square pictures, the only ones it was used with.)
///
/// The map is linear in the table: row t of the result is the sum of its taps, and backward is the transpose.
package struct PositionInterpolation: Sendable {
  private struct Tap: Sendable {
    var source: Int
    var weight: Float
  }

  /// Of the result: `gridHeight` · `gridWidth`.
  package let rows: Int
  /// Those of row t of the result, each cell of the table at most once.
  private let taps: [[Tap]]

  /// - Parameter side: rows and columns of the learned grid.
  package init(side: Int, gridHeight: Int, gridWidth: Int) {
    precondition(side > 0 && gridHeight > 0 && gridWidth > 0)
    rows = gridHeight * gridWidth
    let down = Self.axis(side: side, count: gridHeight)
    let across = Self.axis(side: side, count: gridWidth)
    taps = down.flatMap { y in
      across.map { x in
        y.flatMap { y in x.map { Tap(source: y.source * side + $0.source, weight: y.weight * $0.weight) } }
      }
    }
  }

  /// y[T, C] = the table[side², C] read at the other grid.
  package func forward(
    _ table: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, columns: Int
  ) {
    for (row, taps) in taps.enumerated() {
      let target = y + row * columns
      target.update(repeating: 0, count: columns)
      for tap in taps {
        let source = table + tap.source * columns
        for c in 0..<columns { target[c] += tap.weight * source[c] }
      }
    }
  }

  /// dTable[side², C] += the transpose applied to dY[T, C].
  package func backward(
    _ dy: UnsafePointer<Float>, into dTable: UnsafeMutablePointer<Float>, columns: Int
  ) {
    for (row, taps) in taps.enumerated() {
      let gradient = dy + row * columns
      for tap in taps {
        let target = dTable + tap.source * columns
        for c in 0..<columns { target[c] += tap.weight * gradient[c] }
      }
    }
  }

  /// The taps of each of `count` places along one axis of the table.
  private static func axis(side: Int, count: Int) -> [[Tap]] {
    let step = Double(side) / (Double(count) + 0.1)
    return (0..<count).map { place in
      let centre = (Double(place) + 0.5) * step - 0.5
      let first = Int(floor(centre)) - 1
      var weights: [Int: Double] = [:]
      for source in first..<first + 4 {
        weights[min(max(source, 0), side - 1), default: 0] += cubic(abs(centre - Double(source)))
      }
      return weights.sorted { $0.key < $1.key }.map { Tap(source: $0.key, weight: Float($0.value)) }
    }
  }

  /// Keys's kernel (1981) at a distance below 2, with torch's a.
  private static func cubic(_ x: Double) -> Double {
    let a = -0.75
    return x <= 1
      ? ((a + 2) * x - (a + 3)) * x * x + 1
      : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
  }
}
