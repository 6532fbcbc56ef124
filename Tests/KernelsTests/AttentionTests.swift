import Kernels
import TestSupport
import Testing

@Suite("Attention over packed sequences")
struct AttentionTests {
  struct Packing: CustomTestStringConvertible, Sendable {
    var lengths: [Int]
    var paddingRows: Int
    var heads: Int
    var headWidth: Int
    var causal: Bool

    var offsets: [Int32] { lengths.reduce(into: [0]) { $0.append($0.last! + Int32($1)) } }
    var shape: AttentionShape {
      AttentionShape(
        rows: lengths.reduce(0, +) + paddingRows, width: heads * headWidth, heads: heads, causal: causal)
    }
    var testDescription: String {
      "\(lengths)+\(paddingRows) rows, \(heads) heads of \(headWidth)\(causal ? ", causal" : "")"
    }
  }

  /// Lengths around the blocks of 32 queries and the groups of 128, sizes around a vector's 16 and a tile's 32.
  static let packings = [false, true].flatMap { causal in
    [
      ([1], 0, 1, 1), ([1, 1, 1], 2, 2, 3), ([5], 0, 3, 7), ([7, 1, 33, 2], 5, 2, 16), ([50, 50], 0, 3, 64),
      ([97], 31, 1, 8), ([], 3, 2, 4), ([], 0, 2, 4), ([4, 0, 3], 1, 2, 4), ([77, 16, 3], 0, 2, 64),
      ([32, 31], 0, 1, 32), ([128], 0, 1, 33), ([129, 2], 0, 1, 48), ([197], 1, 1, 80), ([257], 0, 1, 17),
    ].map { Packing(lengths: $0.0, paddingRows: $0.1, heads: $0.2, headWidth: $0.3, causal: causal) }
  }

  /// What this machine can run.
  static let units = AttentionUnit.allCases.filter { $0 == .vector || AttentionUnit.best == .matrix }

  @Test("32-bit floats: element by element to 1e-5, backward 2e-5", arguments: packings)
  func floats(_ packing: Packing) throws {
    let results = try bothWays(Float.self, packing, .vector)
    #expect(mismatch(results.out, results.expectedOut, tolerance: 1e-5) == nil)
    #expect(mismatch(results.dQKV, results.expectedDQKV, tolerance: 2e-5) == nil)
  }

  @Test("bfloat16 on the vector unit: element by element to 4e-3", arguments: packings)
  func vectorUnit(_ packing: Packing) throws {
    let results = try bothWays(BFloat16.self, packing, .vector)
    #expect(mismatch(results.out, results.expectedOut, tolerance: 4e-3) == nil)
    #expect(mismatch(results.dQKV, results.expectedDQKV, tolerance: 4e-3) == nil)
  }

  /// Probabilities have 8 bits there: their errors average out in the norm, not in every element.
  @Test(
    "bfloat16 on the matrix unit: norms to 4e-3, elements to 2e-2, backward 2e-1",
    .enabled(if: AttentionUnit.best == .matrix), arguments: packings)
  func matrixUnit(_ packing: Packing) throws {
    let results = try bothWays(BFloat16.self, packing, .matrix)
    // One key has all of the probability: what is left of its score's gradient is rounding.
    #expect(normMismatch(doubles(results.out), results.expectedOut, tolerance: 4e-3, floor: 1e-6) == nil)
    #expect(normMismatch(doubles(results.dQKV), results.expectedDQKV, tolerance: 4e-3, floor: 1e-6) == nil)
    #expect(mismatch(results.out, results.expectedOut, tolerance: 2e-2) == nil)
    #expect(mismatch(results.dQKV, results.expectedDQKV, tolerance: 2e-1) == nil)
  }

  private struct Results<S: ComputeScalar> {
    var out: [S]
    var dQKV: [S]
    var expectedOut: [Double]
    var expectedDQKV: [Double]
  }

  private func bothWays<S: ComputeScalar>(
    _: S.Type, _ packing: Packing, _ unit: AttentionUnit
  ) throws -> Results<S> {
    let (shape, offsets) = (packing.shape, packing.offsets)
    let arena = try Arena(capacity: 1 << 26)
    let qkv = Values<S>(shape.rows * 3 * shape.width, seed: 1)
    let dOut = Values<S>(shape.rows * shape.width, seed: 2)
    var (out, dQKV) = (unwritten(S.self, dOut.stored.count), unwritten(S.self, qkv.stored.count))
    attentionForward(qkv.stored, offsets: offsets, shape: shape, into: &out, arena: arena, unit: unit)
    attentionBackward(
      dOut.stored, qkv: qkv.stored, offsets: offsets, shape: shape, into: &dQKV, arena: arena, unit: unit)
    let rows = packing.lengths.reduce(0, +)
    #expect(out[(rows * shape.width)...].allSatisfy { $0.float == 0 })
    #expect(dQKV[(rows * 3 * shape.width)...].allSatisfy { $0.float == 0 })
    return Results(
      out: out, dQKV: dQKV,
      expectedOut: Reference.attentionForward(qkv.exact, offsets: offsets, shape: shape),
      expectedDQKV: Reference.attentionBackward(dOut.exact, qkv: qkv.exact, offsets: offsets, shape: shape))
  }

  @Test("large scores: softmax neither overflows nor loses its row", arguments: units)
  func largeScores(_ unit: AttentionUnit) throws {
    let packing = Packing(lengths: [40], paddingRows: 0, heads: 1, headWidth: 16, causal: true)
    let qkv = Values<BFloat16>(40 * 48, seed: 1, scale: 40)
    var out = unwritten(BFloat16.self, 40 * 16)
    try attentionForward(
      qkv.stored, offsets: packing.offsets, shape: packing.shape, into: &out,
      arena: Arena(capacity: 1 << 24), unit: unit)
    let expected = Reference.attentionForward(qkv.exact, offsets: packing.offsets, shape: packing.shape)
    #expect(normMismatch(doubles(out), expected, tolerance: 4e-3) == nil)
  }

  @Test("a causal row does not see later rows")
  func causality() throws {
    let packing = Packing(lengths: [5, 4], paddingRows: 0, heads: 2, headWidth: 3, causal: true)
    let arena = try Arena(capacity: 1 << 24)
    var qkv = Values<Float>(9 * 18, seed: 1).stored
    var (before, after) = (unwritten(Float.self, 54), unwritten(Float.self, 54))
    attentionForward(qkv, offsets: packing.offsets, shape: packing.shape, into: &before, arena: arena)
    for i in 3 * 18..<4 * 18 { qkv[i] += 1 }
    attentionForward(qkv, offsets: packing.offsets, shape: packing.shape, into: &after, arena: arena)
    #expect(before[..<18] == after[..<18])
    #expect(before[18..<30] != after[18..<30])
    // The second sequence sees nothing of the first.
    #expect(before[30...] == after[30...])
  }

  @Test("a NaN stays in its sequence", arguments: units)
  func poison(_ unit: AttentionUnit) throws {
    let packing = Packing(lengths: [3, 2], paddingRows: 1, heads: 1, headWidth: 2, causal: false)
    var qkv = Values<BFloat16>(6 * 6, seed: 1).stored
    qkv[0] = BFloat16(rounding: .nan)
    var out = unwritten(BFloat16.self, 12)
    try attentionForward(
      qkv, offsets: packing.offsets, shape: packing.shape, into: &out, arena: Arena(capacity: 1 << 24),
      unit: unit)
    #expect(out[..<2].allSatisfy { $0.float.isNaN })
    #expect(out[6...].allSatisfy { $0.float.isFinite })
  }

  @Test("finite differences: step 1e-5, tolerance 1e-7", arguments: [false, true])
  func finiteDifferences(_ causal: Bool) {
    let packing = Packing(lengths: [4, 1, 2], paddingRows: 1, heads: 2, headWidth: 3, causal: causal)
    let (shape, offsets) = (packing.shape, packing.offsets)
    let qkv = seededDoubles(shape.rows * 3 * shape.width, seed: 1)
    let dOut = seededDoubles(shape.rows * shape.width, seed: 2)
    let numeric = TestSupport.finiteDifferences(of: qkv, step: 1e-5) {
      Reference.dot(dOut, Reference.attentionForward($0, offsets: offsets, shape: shape))
    }
    let analytic = Reference.attentionBackward(dOut, qkv: qkv, offsets: offsets, shape: shape)
    #expect(mismatch(analytic, numeric, tolerance: 1e-7) == nil)
  }
}
