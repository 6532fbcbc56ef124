import Kernels
import TestSupport
import Testing

@Suite("Rows, transposes and reductions")
struct RowsTests {
  @Test("gather and scatter", arguments: [1, 7, 33, 768], Precision.allCases)
  func gatherAndScatter(_ columns: Int, _ precision: Precision) {
    gatherAndScatter(precision.storage, columns)
  }

  private func gatherAndScatter<S: ComputeScalar>(_: S.Type, _ columns: Int) {
    let (x, y) = (Values<S>(5 * columns, seed: 1), Values<S>(5 * columns, seed: 2))
    for index in [[], [4], [3, 0, 4]] as [[Int32]] {
      var picked = unwritten(S.self, index.count * columns)
      gatherRows(x.stored, index: index, into: &picked, columns: columns)
      #expect(doubles(picked) == Reference.gatherRows(x.exact, index: index, columns: columns))
      var scattered = y.stored
      scatterRows(picked, index: index, into: &scattered, columns: columns)
      let expected = Reference.scatterRows(doubles(picked), index: index, into: y.exact, columns: columns)
      #expect(doubles(scattered) == expected)
    }
  }

  @Test("transpose", arguments: MatrixShape.awkward, Precision.allCases)
  func transposes(_ shape: MatrixShape, _ precision: Precision) { transposes(precision.storage, shape) }

  private func transposes<S: ComputeScalar>(_: S.Type, _ shape: MatrixShape) {
    let x = Values<S>(shape.rows * shape.columns, seed: 1)
    var y = unwritten(S.self, x.stored.count)
    transpose(x.stored, into: &y, rows: shape.rows, columns: shape.columns)
    #expect(doubles(y) == Reference.transpose(x.exact, rows: shape.rows, columns: shape.columns))
  }

  @Test("addition in place", arguments: [0, 1, 33, 1009], Precision.allCases)
  func addition(_ count: Int, _ precision: Precision) { addition(precision.storage, count) }

  private func addition<S: ComputeScalar>(_: S.Type, _ count: Int) {
    let (x, y) = (Values<S>(count, seed: 1), Values<S>(count, seed: 2))
    var sum = y.stored
    addInPlace(x.stored, to: &sum, count: count)
    let bound = tolerance(S.self, fp32: 1e-6, bf16: 4e-3)
    #expect(mismatch(sum, zip(x.exact, y.exact).map(+), tolerance: bound) == nil)
  }

  @Test("sums, dot products and scaling", arguments: [0, 1, 33, 1009])
  func reductions(_ count: Int) {
    let (x, y) = (Values<Float>(count, seed: 1), Values<Float>(count, seed: 2))
    #expect(abs(sumOfSquares(x.stored, count: count) - Reference.dot(x.exact, x.exact)) < 1e-9)
    #expect(abs(dot(x.stored, y.stored, count: count) - Reference.dot(x.exact, y.exact)) < 1e-9)
    var scaled = x.stored
    scale(&scaled, by: -0.5, count: count)
    #expect(scaled == x.stored.map { -0.5 * $0 })
  }

  @Test("matrix products", arguments: [false, true], [false, true])
  func matrixProducts(_ transposeA: Bool, _ transposeB: Bool) {
    for (m, n, k) in [(1, 1, 1), (3, 5, 7), (33, 2, 97), (4, 3, 0)] {
      let (a, b) = (Values<Float>(m * k, seed: 1), Values<Float>(k * n, seed: 2))
      let before = Values<Float>(m * n, seed: 3)
      var c = before.stored
      matrixMultiply(
        a.stored, transposeA: transposeA, b.stored, transposeB: transposeB, into: &c, m: m, n: n, k: k,
        alpha: 0.5, beta: 2)
      let left = transposeA ? Reference.transpose(a.exact, rows: k, columns: m) : a.exact
      let product = Reference.linearForward(
        left, weight: b.exact, bias: nil, rows: m, inputs: k, outputs: n,
        layout: transposeB ? .outputsByInputs : .inputsByOutputs)
      let expected = zip(product, before.exact).map { 0.5 * $0 + 2 * $1 }
      #expect(mismatch(c, expected, tolerance: 1e-5) == nil)
    }
  }
}
