import Testing
import TestSupport

@testable import Kernels

@Suite struct RowScoresTests {
  @Test(arguments: [1, 2, 3, 4, 5, 7, 1001], [1, 3, 17, 64, 513])
  func scoresAreDotProducts(rows: Int, columns: Int) {
    let matrix = seededFloats(rows * columns, seed: 3).map { BFloat16(rounding: $0) }
    let query = seededFloats(columns, seed: 4)
    var scores = [Float](repeating: .nan, count: rows + 1)
    matrix.withUnsafeBytes {
      scoreRows($0.baseAddress!, query: query, into: &scores, rows: rows, columns: columns)
    }
    let expected = (0..<rows).map { row in
      (0..<columns).reduce(0.0) { $0 + Double(matrix[row * columns + $1].float) * Double(query[$1]) }
    }
    #expect(mismatch(scores.prefix(rows).map(Double.init), expected, tolerance: 1e-4) == nil)
    // Nothing beyond the last row is touched.
    #expect(scores[rows].isNaN)
  }

  @Test func equalRowsHaveEqualScoresWhereverTheyStand() {
    let (rows, columns) = (131, 517)
    let row = seededFloats(columns, seed: 5).map { BFloat16(rounding: $0) }
    let matrix = (0..<rows).flatMap { _ in row }
    let query = seededFloats(columns, seed: 6)
    var scores = [Float](repeating: 0, count: rows)
    matrix.withUnsafeBytes {
      scoreRows($0.baseAddress!, query: query, into: &scores, rows: rows, columns: columns)
    }
    #expect(Set(scores).count == 1)
  }
}
