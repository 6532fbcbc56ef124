import Foundation
import Kernels
import TestSupport
import Testing

@Suite("Softmax, log-sum-exp and the contrastive tile")
struct SoftmaxTests {
  @Test("softmax and its backward", arguments: MatrixShape.awkward, [false, true])
  func softmax(_ shape: MatrixShape, _ causal: Bool) {
    let (rows, columns) = (shape.rows, shape.columns)
    let (scores, dp) = (
      Values<Float>(rows * columns, seed: 1, scale: 4), Values<Float>(rows * columns, seed: 2)
    )
    var (p, ds) = (scores.stored, dp.stored)
    softmaxRows(&p, rows: rows, columns: columns, scale: 0.7, causal: causal)
    softmaxBackward(p, &ds, rows: rows, columns: columns, scale: 0.7)
    let scale = Double(Float(0.7))
    let slow = Reference.softmaxRows(scores.exact, rows: rows, columns: columns, scale: scale, causal: causal)
    #expect(mismatch(p, slow, tolerance: 3e-6) == nil)
    let backward = Reference.softmaxBackward(slow, dp.exact, rows: rows, columns: columns, scale: scale)
    #expect(normMismatch(doubles(ds), backward, tolerance: 5e-6, floor: 1e-6) == nil)
  }

  @Test("scores as large as floats hold stay finite and sum to 1")
  func extremes() {
    var p: [Float] = [3e38, -3e38, 0, -1000, 1000, 999, 88, 89, 90]
    softmaxRows(&p, rows: 3, columns: 3, scale: 1, causal: false)
    #expect(p[..<3] == [1, 0, 0])
    for row in 0..<3 { #expect(abs(p[row * 3..<row * 3 + 3].reduce(0, +) - 1) < 1e-6) }
  }

  @Test("NaN and infinity poison their row, −infinity is a mask")
  func poison() {
    var p: [Float] = [0, .nan, 0, 0, .infinity, 0, 0, -.infinity, 0, 1, 2, 3]
    softmaxRows(&p, rows: 4, columns: 3, scale: 1, causal: false)
    #expect(p[..<3].allSatisfy { $0.isNaN })
    #expect(p[3..<6].contains { $0.isNaN })
    #expect(p[6..<9] == [0.5, 0, 0.5])
    #expect(p[9...].allSatisfy { $0.isFinite })
  }

  @Test("causal softmax ignores what it must not see")
  func causalPoison() {
    var p: [Float] = [1, .nan, 1, 1]
    softmaxRows(&p, rows: 2, columns: 2, scale: 1, causal: true)
    #expect(p == [1, 0, 0.5, 0.5])
  }

  @Test("softmax: finite differences, step 1e-5, tolerance 1e-7", arguments: [false, true])
  func softmaxDifferences(_ causal: Bool) {
    let (scores, dp) = (seededDoubles(4 * 5, seed: 1), seededDoubles(4 * 5, seed: 2))
    func forward(_ scores: [Double]) -> [Double] {
      Reference.softmaxRows(scores, rows: 4, columns: 5, scale: 0.7, causal: causal)
    }
    let analytic = Reference.softmaxBackward(forward(scores), dp, rows: 4, columns: 5, scale: 0.7)
    let numeric = finiteDifferences(of: scores, step: 1e-5) { Reference.dot(dp, forward($0)) }
    #expect(mismatch(analytic, numeric, tolerance: 1e-7) == nil)
  }

  @Test("log-sum-exp in tiles of any width", arguments: [1, 2, 7, 33], [1.0, 100])
  func logSumExp(_ tile: Int, _ scale: Double) {
    let (rows, columns) = (5, 33)
    let scores = Values<Float>(rows * columns, seed: 1)
    var maximum = [Float](repeating: -.greatestFiniteMagnitude, count: rows)
    var sum = [Double](repeating: 0, count: rows)
    for first in stride(from: 0, to: columns, by: tile) {
      let width = min(tile, columns - first)
      let part = (0..<rows).flatMap { scores.stored[$0 * columns + first..<$0 * columns + first + width] }
      logSumExpTile(part, rows: rows, columns: width, scale: Float(scale), maximum: &maximum, sum: &sum)
    }
    let result = zip(maximum, sum).map { Double($0) + log($1) }
    let expected = Reference.logSumExp(scores.exact, rows: rows, columns: columns, scale: scale)
    #expect(mismatch(result, expected, tolerance: 1e-6) == nil)
  }

  @Test("log-sum-exp of a NaN is NaN")
  func logSumExpPoison() {
    var (maximum, sum) = ([-Float.greatestFiniteMagnitude], [0.0])
    logSumExpTile([1, .nan, 2], rows: 1, columns: 3, scale: 1, maximum: &maximum, sum: &sum)
    #expect((Double(maximum[0]) + log(sum[0])).isNaN)
  }

  @Test("contrastive tile", arguments: MatrixShape.awkward)
  func contrastive(_ shape: MatrixShape) {
    let (rows, columns) = (shape.rows, shape.columns)
    let scores = Values<Float>(rows * columns, seed: 1, scale: 0.3)
    let rowLSE = Values<Float>(rows, seed: 2, offset: 4)
    let columnLSE = Values<Float>(columns, seed: 3, offset: 4)
    var p = scores.stored
    let total = contrastiveTile(
      &p, rows: rows, columns: columns, scale: 14, rowLSE: rowLSE.stored, columnLSE: columnLSE.stored)
    let slow = Reference.contrastiveTile(
      scores.exact, rows: rows, columns: columns, scale: 14, rowLSE: rowLSE.exact, columnLSE: columnLSE.exact)
    #expect(mismatch(p, slow.p, tolerance: 1e-5) == nil)
    let size = zip(slow.p, scores.exact).reduce(0) { $0 + abs($1.0 * $1.1) }
    #expect(abs(total - slow.total) <= 1e-5 * size)
  }

  /// The exponential that all of these share, through a tile whose other half vanishes.
  private func fastExp(_ x: [Float]) -> [Float] {
    var p = x
    _ = contrastiveTile(
      &p, rows: 1, columns: x.count, scale: 1, rowLSE: [0],
      columnLSE: [Float](repeating: 1e30, count: x.count))
    return p
  }

  @Test("the fast exponential is within 2e-7 of the true one over its range")
  func exponential() {
    let grid = stride(from: Float(-87.3), through: 88.3, by: 0.00317).map { $0 }
    let worst = zip(grid, fastExp(grid)).map { x, y in abs(Double(y) / exp(Double(x)) - 1) }.max()!
    #expect(worst < 2e-7)
  }

  @Test("the fast exponential at its ends")
  func exponentialEnds() {
    let y = fastExp([0, -88, -1e30, -.infinity, .nan])
    #expect(y[..<4] == [1, 0, 0, 0])
    #expect(y[4].isNaN)
    #expect(fastExp([89, 1e29]).allSatisfy { $0 > 2.3e38 && $0.isFinite })
  }
}
