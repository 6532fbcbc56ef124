#if canImport(Glibc)
  import Glibc
#endif

extension Reference {
  /// y[s] = the mean of rows offsets[s] ..< offsets[s + 1] of x[R, C].
  package static func sequenceMeansForward(_ x: [Double], _ offsets: [Int32], _ columns: Int) -> [Double] {
    zip(offsets, offsets.dropFirst()).flatMap { start, end in
      (0..<columns).map { c in
        (start..<end).reduce(0) { $0 + x[Int($1) * columns + c] } / Double(end - start)
      }
    }
  }

  /// dX[r] = dY[s] / length of s.
  package static func sequenceMeansBackward(_ dy: [Double], _ offsets: [Int32], _ columns: Int) -> [Double] {
    zip(offsets, offsets.dropFirst()).enumerated().flatMap { sequence, range in
      let row = dy[sequence * columns..<(sequence + 1) * columns]
      return (range.0..<range.1).flatMap { _ in row.map { $0 / Double(range.1 - range.0) } }
    }
  }

  /// y = tanh(x).
  package static func tanhForward(_ x: [Double]) -> [Double] { x.map { tanh($0) } }

  /// dX = dY (1 − y²).
  package static func tanhBackward(_ dy: [Double], y: [Double]) -> [Double] {
    zip(dy, y).map { $0 * (1 - $1 * $1) }
  }
}
