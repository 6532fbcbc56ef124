import Kernels
import TestSupport
import Testing

@Suite("Layer norm with residual")
struct LayerNormTests {
  private struct Result<S: ComputeScalar> {
    var h: [S]
    var y: [S]
    var mean: [Float]
    var rstd: [Float]

    init(_ x: [S], residual: [S]?, gain: [Float], bias: [Float], _ shape: MatrixShape) {
      (h, y) = (unwritten(x.count), unwritten(x.count))
      (mean, rstd) = (unwritten(shape.rows), unwritten(shape.rows))
      if let residual {
        addLayerNormForward(
          x, residual: residual, gain: gain, bias: bias, h: &h, into: &y, mean: &mean, rstd: &rstd,
          rows: shape.rows, columns: shape.columns)
      } else {
        addLayerNormForward(
          x, residual: nil, gain: gain, bias: bias, h: nil, into: &y, mean: &mean, rstd: &rstd,
          rows: shape.rows, columns: shape.columns)
        h = x
      }
    }
  }

  @Test("forward", arguments: MatrixShape.awkward, Precision.allCases)
  func forward(_ shape: MatrixShape, _ precision: Precision) { forward(precision.storage, shape) }

  private func forward<S: ComputeScalar>(_: S.Type, _ shape: MatrixShape) {
    let count = shape.rows * shape.columns
    let (x, residual) = (Values<S>(count, seed: 1), Values<S>(count, seed: 2))
    let (gain, bias) = (seededFloats(shape.columns, seed: 3, offset: 1), seededFloats(shape.columns, seed: 4))
    for r in [nil, residual] {
      let fast = Result(x.stored, residual: r?.stored, gain: gain, bias: bias, shape)
      let slow = Reference.addLayerNormForward(
        doubles(fast.h), residual: nil, gain: doubles(gain), bias: doubles(bias), rows: shape.rows,
        columns: shape.columns)
      let h = r.map { zip(x.exact, $0.exact).map(+) } ?? x.exact
      let bound = tolerance(S.self, fp32: 1e-5, bf16: 5e-3)
      #expect(mismatch(fast.h, h, tolerance: bound) == nil)
      // The norm is of the rounded sum, which backward sees too.
      #expect(mismatch(fast.y, slow.y, tolerance: bound) == nil)
      #expect(mismatch(fast.mean, slow.mean, tolerance: 1e-5) == nil)
      #expect(mismatch(fast.rstd, slow.rstd, tolerance: 1e-5) == nil)
    }
  }

  @Test("backward adds", arguments: MatrixShape.awkward, Precision.allCases)
  func backward(_ shape: MatrixShape, _ precision: Precision) throws {
    try backward(precision.storage, shape)
  }

  private func backward<S: ComputeScalar>(_: S.Type, _ shape: MatrixShape) throws {
    let (rows, columns) = (shape.rows, shape.columns)
    let (h, dy) = (Values<S>(rows * columns, seed: 1), Values<S>(rows * columns, seed: 2))
    let gain = seededFloats(columns, seed: 3, offset: 1)
    let saved = Result(h.stored, residual: nil, gain: gain, bias: gain, shape)
    let dH = Values<S>(rows * columns, seed: 4)
    let (dGain, dBias) = (seededFloats(columns, seed: 5), seededFloats(columns, seed: 6))
    var fast = (dH: dH.stored, dGain: dGain, dBias: dBias)
    layerNormBackward(
      dy.stored, h: h.stored, gain: gain, mean: saved.mean, rstd: saved.rstd, addingTo: &fast.dH,
      dGain: &fast.dGain, dBias: &fast.dBias, rows: rows, columns: columns,
      arena: try Arena(capacity: 1 << 30))
    let slow = Reference.layerNormBackward(
      dy.exact, h: h.exact, gain: doubles(gain), mean: doubles(saved.mean), rstd: doubles(saved.rstd),
      rows: rows, columns: columns)
    let bound = tolerance(S.self, fp32: 2e-5, bf16: 5e-3)
    #expect(mismatch(fast.dH, zip(dH.exact, slow.dH).map(+), tolerance: bound) == nil)
    #expect(mismatch(fast.dGain, zip(doubles(dGain), slow.dGain).map(+), tolerance: 2e-5) == nil)
    #expect(mismatch(fast.dBias, zip(doubles(dBias), slow.dBias).map(+), tolerance: 2e-5) == nil)
  }

  @Test("a mean far above the deviation loses no variance")
  func largeMean() {
    let shape = MatrixShape(rows: 3, columns: 97)
    let x = Values<Float>(3 * 97, seed: 1, offset: 4096)
    let ones = [Float](repeating: 1, count: 97)
    let fast = Result(x.stored, residual: nil, gain: ones, bias: ones, shape)
    let slow = Reference.addLayerNormForward(
      x.exact, residual: nil, gain: doubles(ones), bias: doubles(ones), rows: 3, columns: 97)
    #expect(mismatch(fast.y, slow.y, tolerance: 1e-3) == nil)
    #expect(mismatch(fast.rstd, slow.rstd, tolerance: 1e-5) == nil)
  }

  @Test("a NaN stays in its row", arguments: Precision.allCases)
  func poison(_ precision: Precision) { poison(precision.storage) }

  private func poison<S: ComputeScalar>(_: S.Type) {
    var x = Values<S>(3 * 33, seed: 1).stored
    x[40] = S(rounding: .nan)
    let ones = [Float](repeating: 1, count: 33)
    let y = Result(x, residual: nil, gain: ones, bias: ones, MatrixShape(rows: 3, columns: 33)).y
    #expect(y.indices.allSatisfy { y[$0].float.isNaN == (33..<66).contains($0) })
  }

  @Test("finite differences: step 1e-5, tolerance 1e-7", arguments: [(1, 1), (3, 5), (2, 9)])
  func finiteDifferences(_ rows: Int, _ columns: Int) {
    let (x, dy) = (seededDoubles(rows * columns, seed: 1), seededDoubles(rows * columns, seed: 2))
    let (gain, bias) = (seededDoubles(columns, seed: 3), seededDoubles(columns, seed: 4))
    func norm(_ x: [Double], _ gain: [Double], _ bias: [Double]) -> Reference.LayerNorm {
      Reference.addLayerNormForward(x, residual: nil, gain: gain, bias: bias, rows: rows, columns: columns)
    }
    let saved = norm(x, gain, bias)
    let analytic = Reference.layerNormBackward(
      dy, h: x, gain: gain, mean: saved.mean, rstd: saved.rstd, rows: rows, columns: columns)
    for (analytic, numeric) in [
      (
        analytic.dH,
        TestSupport.finiteDifferences(of: x, step: 1e-5) { Reference.dot(dy, norm($0, gain, bias).y) }
      ),
      (
        analytic.dGain,
        TestSupport.finiteDifferences(of: gain, step: 1e-5) { Reference.dot(dy, norm(x, $0, bias).y) }
      ),
      (
        analytic.dBias,
        TestSupport.finiteDifferences(of: bias, step: 1e-5) { Reference.dot(dy, norm(x, gain, $0).y) }
      ),
    ] { #expect(normMismatch(analytic, numeric, tolerance: 1e-7, floor: 1e-9) == nil) }
  }
}
