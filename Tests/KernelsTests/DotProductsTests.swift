import TestSupport
import Testing

@testable import Kernels

@Suite struct DotProductsTests {
  private func products(
    _ rows: [Float], _ columns: [Float], dimension: Int, isPortable: Bool
  ) -> [Float] {
    let (rowCount, columnCount) = (rows.count / dimension, columns.count / dimension)
    var scores = [Float](repeating: .nan, count: rowCount * columnCount)
    let compute = isPortable ? portableDotProducts : dotProducts
    compute(rows, columns, &scores, rowCount, columnCount, dimension)
    return scores
  }

  @Test(arguments: [true, false]) func areDotProducts(isPortable: Bool) {
    let dimension = 37
    let (rows, columns) = (seededFloats(9 * dimension, seed: 1), seededFloats(11 * dimension, seed: 2))
    let expected = (0..<9 * 11).map { place in
      (0..<dimension).reduce(0.0) {
        $0 + Double(rows[place / 11 * dimension + $1]) * Double(columns[place % 11 * dimension + $1])
      }
    }
    let scores = products(rows, columns, dimension: dimension, isPortable: isPortable)
    #expect(mismatch(scores.map(Double.init), expected, tolerance: 1e-5) == nil)
  }

  /// Equal rows tie wherever they stand, and a product may be taken in any tiles.
  @Test(
    arguments: [1, 7, 64, 513, 1600],
    [(1, 1, true), (10, 7, true), (1, 1, false), (10, 7, false), (45, 131, false)])
  func dependOnTheirRowsAlone(dimension: Int, shape: (rows: Int, columns: Int, isPortable: Bool)) {
    let isPortable = shape.isPortable
    var generator = SystemRandomNumberGenerator()
    let rows = (0..<shape.rows * dimension).map { _ in Float.random(in: -1...1, using: &generator) }
    let column = (0..<dimension).map { _ in Float.random(in: -1...1, using: &generator) }
    let columns = (0..<shape.columns).flatMap { _ in column }
    let scores = products(rows, columns, dimension: dimension, isPortable: isPortable)
    let swapped = products(columns, rows, dimension: dimension, isPortable: isPortable)
    for row in 0..<shape.rows {
      let alone = products(
        Array(rows[row * dimension..<(row + 1) * dimension]), column, dimension: dimension,
        isPortable: isPortable)
      for place in 0..<shape.columns {
        #expect(scores[row * shape.columns + place] == alone[0])
        #expect(swapped[place * shape.rows + row] == alone[0])
      }
    }
  }
}
