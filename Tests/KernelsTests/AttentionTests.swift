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

  static let packings = [false, true].flatMap { causal in
    [
      ([1], 0, 1, 1), ([1, 1, 1], 2, 2, 3), ([5], 0, 3, 7), ([7, 1, 33, 2], 5, 2, 16), ([50, 50], 0, 3, 64),
      ([97], 31, 1, 8), ([], 3, 2, 4), ([], 0, 2, 4), ([4, 0, 3], 1, 2, 4), ([77, 16, 3], 0, 2, 64),
    ].map { Packing(lengths: $0.0, paddingRows: $0.1, heads: $0.2, headWidth: $0.3, causal: causal) }
  }

  @Test("forward", arguments: packings, Precision.allCases)
  func forward(_ packing: Packing, _ precision: Precision) throws { try forward(precision.storage, packing) }

  private func forward<S: ComputeScalar>(_: S.Type, _ packing: Packing) throws {
    let shape = packing.shape
    let arena = try Arena(capacity: 1 << 26)
    let qkv = Values<S>(shape.rows * 3 * shape.width, seed: 1)
    var out = unwritten(S.self, shape.rows * shape.width)
    attentionForward(qkv.stored, offsets: packing.offsets, shape: shape, into: &out, arena: arena)
    let expected = Reference.attentionForward(qkv.exact, offsets: packing.offsets, shape: shape)
    #expect(mismatch(out, expected, tolerance: tolerance(S.self, fp32: 1e-5, bf16: 4e-3)) == nil)
    #expect(out[(packing.lengths.reduce(0, +) * shape.width)...].allSatisfy { $0.float == 0 })
  }

  @Test("backward", arguments: packings, Precision.allCases)
  func backward(_ packing: Packing, _ precision: Precision) throws {
    try backward(precision.storage, packing)
  }

  private func backward<S: ComputeScalar>(_: S.Type, _ packing: Packing) throws {
    let shape = packing.shape
    let arena = try Arena(capacity: 1 << 26)
    let qkv = Values<S>(shape.rows * 3 * shape.width, seed: 1)
    let dOut = Values<S>(shape.rows * shape.width, seed: 2)
    var dQKV = unwritten(S.self, qkv.stored.count)
    attentionBackward(
      dOut.stored, qkv: qkv.stored, offsets: packing.offsets, shape: shape, into: &dQKV, arena: arena)
    let expected = Reference.attentionBackward(
      dOut.exact, qkv: qkv.exact, offsets: packing.offsets, shape: shape)
    #expect(mismatch(dQKV, expected, tolerance: tolerance(S.self, fp32: 2e-5, bf16: 4e-3)) == nil)
    #expect(dQKV[(packing.lengths.reduce(0, +) * 3 * shape.width)...].allSatisfy { $0.float == 0 })
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

  @Test("a NaN stays in its sequence")
  func poison() throws {
    let packing = Packing(lengths: [3, 2], paddingRows: 1, heads: 1, headWidth: 2, causal: false)
    var qkv = Values<Float>(6 * 6, seed: 1).stored
    qkv[0] = .nan
    var out = unwritten(Float.self, 12)
    try attentionForward(
      qkv, offsets: packing.offsets, shape: packing.shape, into: &out, arena: Arena(capacity: 1 << 24))
    #expect(out[..<2].allSatisfy { $0.isNaN })
    #expect(out[6...].allSatisfy { $0.isFinite })
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
