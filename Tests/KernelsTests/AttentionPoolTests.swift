import Kernels
import TestSupport
import Testing

@Suite("Attention pooling")
struct AttentionPoolTests {
  static let shapes = [(1, 1, 1, 1), (2, 5, 6, 2), (0, 4, 8, 2), (3, 50, 66, 3), (2, 1, 33, 1)].map {
    AttentionPoolShape(batch: $0.0, tokens: $0.1, width: $0.2, heads: $0.3)
  }

  private struct Numbers<S: ComputeScalar> {
    let q: Values<S>
    let k: Values<S>
    let v: Values<S>
    let dOut: Values<S>

    init(_ shape: AttentionPoolShape) {
      let (few, many) = (shape.batch * shape.width, shape.batch * shape.tokens * shape.width)
      (q, dOut) = (Values(few, seed: 1), Values(few, seed: 2))
      (k, v) = (Values(many, seed: 3), Values(many, seed: 4))
    }
  }

  @Test("forward and backward", arguments: shapes, Precision.allCases)
  func bothWays(_ shape: AttentionPoolShape, _ precision: Precision) throws {
    try bothWays(precision.storage, shape)
  }

  private func bothWays<S: ComputeScalar>(_: S.Type, _ shape: AttentionPoolShape) throws {
    let numbers = Numbers<S>(shape)
    var out = unwritten(S.self, numbers.q.stored.count)
    var p = unwritten(Float.self, shape.probabilityCount)
    attentionPoolForward(
      q: numbers.q.stored, k: numbers.k.stored, v: numbers.v.stored, shape, probabilities: &p, into: &out)
    let expected = Reference.attentionPoolForward(
      q: numbers.q.exact, k: numbers.k.exact, v: numbers.v.exact, shape)
    let bound = tolerance(S.self, fp32: 1e-5, bf16: 5e-3)
    #expect(mismatch(out, expected.out, tolerance: bound) == nil)
    #expect(mismatch(p, expected.probabilities, tolerance: 1e-5) == nil)

    var (dQ, dK) = (unwritten(S.self, out.count), unwritten(S.self, numbers.k.stored.count))
    var dV = dK
    attentionPoolBackward(
      numbers.dOut.stored, q: numbers.q.stored, k: numbers.k.stored, v: numbers.v.stored, probabilities: p,
      shape,
      dQ: &dQ, dK: &dK, dV: &dV, arena: try Arena(capacity: 1 << 20))
    let gradients = Reference.attentionPoolBackward(
      numbers.dOut.exact, q: numbers.q.exact, k: numbers.k.exact, v: numbers.v.exact,
      probabilities: expected.probabilities, shape)
    // One token has all of the probability: what is left of its score's gradient is rounding.
    for (fast, slow) in [(dQ, gradients.dQ), (dK, gradients.dK), (dV, gradients.dV)] {
      #expect(normMismatch(doubles(fast), slow, tolerance: bound, floor: 1e-6) == nil)
    }
  }

  @Test("finite differences: step 1e-5, tolerance 1e-7")
  func finiteDifferences() {
    let shape = AttentionPoolShape(batch: 2, tokens: 3, width: 4, heads: 2)
    let (q, k, v) = (seededDoubles(8, seed: 1), seededDoubles(24, seed: 2), seededDoubles(24, seed: 3))
    let dOut = seededDoubles(8, seed: 4)
    func loss(_ q: [Double], _ k: [Double], _ v: [Double]) -> Double {
      Reference.dot(dOut, Reference.attentionPoolForward(q: q, k: k, v: v, shape).out)
    }
    let p = Reference.attentionPoolForward(q: q, k: k, v: v, shape).probabilities
    let analytic = Reference.attentionPoolBackward(dOut, q: q, k: k, v: v, probabilities: p, shape)
    for (analytic, numeric) in [
      (analytic.dQ, TestSupport.finiteDifferences(of: q, step: 1e-5) { loss($0, k, v) }),
      (analytic.dK, TestSupport.finiteDifferences(of: k, step: 1e-5) { loss(q, $0, v) }),
      (analytic.dV, TestSupport.finiteDifferences(of: v, step: 1e-5) { loss(q, k, $0) }),
    ] { #expect(mismatch(analytic, numeric, tolerance: 1e-7) == nil) }
  }

  @Test(
    "mean before the rows", arguments: [(0, 3, 5), (1, 1, 1), (2, 3, 33), (3, 49, 7)], Precision.allCases)
  func prependMean(_ sizes: (batch: Int, places: Int, columns: Int), _ precision: Precision) {
    prependMean(precision.storage, sizes.batch, sizes.places, sizes.columns)
  }

  private func prependMean<S: ComputeScalar>(_: S.Type, _ batch: Int, _ places: Int, _ columns: Int) {
    let x = Values<S>(batch * places * columns, seed: 1)
    let positions = seededFloats((places + 1) * columns, seed: 2)
    var y = unwritten(S.self, batch * (places + 1) * columns)
    prependMeanForward(
      x.stored, positions: positions, into: &y, batch: batch, places: places, columns: columns)
    let expected = Reference.prependMeanForward(
      x.exact, positions: doubles(positions), batch: batch, places: places, columns: columns)
    let bound = tolerance(S.self, fp32: 1e-5, bf16: 5e-3)
    #expect(mismatch(y, expected, tolerance: bound) == nil)

    let dy = Values<S>(y.count, seed: 3)
    var (dx, dPositions) = (unwritten(S.self, x.stored.count), positions)
    prependMeanBackward(
      dy.stored, into: &dx, dPositions: &dPositions, batch: batch, places: places, columns: columns)
    let gradients = Reference.prependMeanBackward(dy.exact, batch: batch, places: places, columns: columns)
    #expect(mismatch(dx, gradients.dX, tolerance: bound) == nil)
    #expect(
      mismatch(dPositions, zip(doubles(positions), gradients.dPositions).map(+), tolerance: 1e-5) == nil)
  }

  @Test("finite differences of the mean before the rows: step 1e-4, tolerance 1e-7")
  func prependMeanDifferences() {
    let (batch, places, columns) = (2, 3, 4)
    let (x, positions) = (seededDoubles(24, seed: 1), seededDoubles(16, seed: 2))
    let dy = seededDoubles(32, seed: 3)
    func loss(_ x: [Double], _ positions: [Double]) -> Double {
      let y = Reference.prependMeanForward(
        x, positions: positions, batch: batch, places: places, columns: columns)
      return Reference.dot(dy, y)
    }
    let analytic = Reference.prependMeanBackward(dy, batch: batch, places: places, columns: columns)
    for (analytic, numeric) in [
      (analytic.dX, TestSupport.finiteDifferences(of: x, step: 1e-4) { loss($0, positions) }),
      (analytic.dPositions, TestSupport.finiteDifferences(of: positions, step: 1e-4) { loss(x, $0) }),
    ] { #expect(mismatch(analytic, numeric, tolerance: 1e-7) == nil) }
  }
}
