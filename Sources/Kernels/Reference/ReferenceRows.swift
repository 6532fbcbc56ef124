extension Reference {
  /// y[i] = x[index[i]] for rows C wide.
  package static func gatherRows(_ x: [Double], index: [Int32], columns: Int) -> [Double] {
    index.flatMap { row in (0..<columns).map { x[Int(row) * columns + $0] } }
  }

  /// `y` with y[index[i]] = x[i].
  package static func scatterRows(
    _ x: [Double], index: [Int32], into y: [Double], columns: Int
  ) -> [Double] {
    var y = y
    for (i, row) in index.enumerated() {
      for c in 0..<columns { y[Int(row) * columns + c] = x[i * columns + c] }
    }
    return y
  }

  /// y[r] = x[r] / max(‖x[r]‖, 1e-12), and the divisors.
  package static func l2NormaliseForward(
    _ x: [Double], rows: Int, columns: Int
  ) -> (y: [Double], norms: [Double]) {
    let norms = (0..<rows).map { r in
      max(x[r * columns..<(r + 1) * columns].reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
    }
    return (x.indices.map { x[$0] / norms[$0 / columns] }, norms)
  }

  /// dX = (dY − y (y·dY)) / ‖x‖.
  package static func l2NormaliseBackward(
    _ dy: [Double], y: [Double], norms: [Double], rows: Int, columns: Int
  ) -> [Double] {
    var dx = dy
    for r in 0..<rows {
      let cells = r * columns..<(r + 1) * columns
      let along = dot(Array(y[cells]), Array(dy[cells]))
      for i in cells { dx[i] = (dy[i] - y[i] * along) / norms[r] }
    }
    return dx
  }
}
