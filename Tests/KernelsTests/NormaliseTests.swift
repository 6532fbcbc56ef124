import Kernels
import TestSupport
import Testing

@Suite("L2 normalisation")
struct NormaliseTests {
  @Test("forward and backward", arguments: MatrixShape.awkward)
  func paths(_ shape: MatrixShape) {
    let (rows, columns) = (shape.rows, shape.columns)
    let (x, dy) = (Values<Float>(rows * columns, seed: 1, scale: 5), Values<Float>(rows * columns, seed: 2))
    var (y, norms) = (unwritten(Float.self, rows * columns), unwritten(Float.self, rows))
    var dx = y
    l2NormaliseForward(x.stored, into: &y, norms: &norms, rows: rows, columns: columns)
    l2NormaliseBackward(dy.stored, y: y, norms: norms, into: &dx, rows: rows, columns: columns)
    let forward = Reference.l2NormaliseForward(x.exact, rows: rows, columns: columns)
    #expect(mismatch(y, forward.y, tolerance: 2e-6) == nil)
    #expect(mismatch(norms, forward.norms, tolerance: 2e-6) == nil)
    let backward = Reference.l2NormaliseBackward(
      dy.exact, y: forward.y, norms: forward.norms, rows: rows, columns: columns)
    // One column leaves nothing of the gradient but rounding.
    #expect(normMismatch(doubles(dx), backward, tolerance: 5e-6, floor: 1e-6) == nil)
  }

  @Test("a zero row stays zero")
  func zeroRow() {
    var (y, norms) = (unwritten(Float.self, 6), unwritten(Float.self, 2))
    l2NormaliseForward([0, 0, 0, 3, 0, 4], into: &y, norms: &norms, rows: 2, columns: 3)
    #expect(y == [0, 0, 0, 0.6, 0, 0.8])
    #expect(norms[1] == 5)
  }

  @Test("a NaN stays in its row")
  func poison() {
    var (y, norms) = (unwritten(Float.self, 4), unwritten(Float.self, 2))
    l2NormaliseForward([.nan, 1, 3, 4], into: &y, norms: &norms, rows: 2, columns: 2)
    #expect(y[0].isNaN && y[1].isNaN)
    #expect(y[2...] == [0.6, 0.8])
  }

  @Test("finite differences: step 1e-6, tolerance 1e-7")
  func finiteDifferences() {
    let (x, dy) = (seededDoubles(3 * 5, seed: 1), seededDoubles(3 * 5, seed: 2))
    let saved = Reference.l2NormaliseForward(x, rows: 3, columns: 5)
    let analytic = Reference.l2NormaliseBackward(dy, y: saved.y, norms: saved.norms, rows: 3, columns: 5)
    let numeric = TestSupport.finiteDifferences(of: x, step: 1e-6) {
      Reference.dot(dy, Reference.l2NormaliseForward($0, rows: 3, columns: 5).y)
    }
    #expect(mismatch(analytic, numeric, tolerance: 1e-7) == nil)
  }
}
