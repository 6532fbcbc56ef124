import Kernels
import TestSupport
import Testing

@Suite("Embeddings")
struct EmbeddingTests {
  /// Repeated ids, padding between and at the end.
  static let ids: [Int32] = [4, 0, 4, -1, 2, 4, -1]
  static let position: [Int32] = [0, 1, 2, 0, 0, 1, 0]
  static let widths = [1, 7, 33, 97, 768]

  @Test("tokens forward: rows of padding are zero", arguments: widths, Precision.allCases)
  func tokensForward(_ width: Int, _ precision: Precision) { tokensForward(precision.storage, width) }

  private func tokensForward<S: ComputeScalar>(_: S.Type, _ width: Int) {
    let (table, positions) = (seededFloats(5 * width, seed: 1), seededFloats(3 * width, seed: 2))
    for rows in [Self.ids.count, 1, 0] {
      let (ids, position) = (Array(Self.ids.prefix(rows)), Array(Self.position.prefix(rows)))
      var y = unwritten(S.self, rows * width)
      embedTokensForward(
        table: table, positions: positions, ids: ids, position: position, into: &y, rows: rows,
        columns: width)
      let expected = Reference.embedTokensForward(
        table: doubles(table), positions: doubles(positions), ids: ids, position: position, columns: width)
      #expect(mismatch(y, expected, tolerance: tolerance(S.self, fp32: 1e-6, bf16: 4e-3)) == nil)
    }
  }

  @Test("tokens backward adds, repeated ids too", arguments: widths, Precision.allCases)
  func tokensBackward(_ width: Int, _ precision: Precision) { tokensBackward(precision.storage, width) }

  private func tokensBackward<S: ComputeScalar>(_: S.Type, _ width: Int) {
    let dy = Values<S>(Self.ids.count * width, seed: 1)
    let before = (seededFloats(5 * width, seed: 2), seededFloats(3 * width, seed: 3))
    var (dTable, dPositions) = before
    embedTokensBackward(
      dy.stored, ids: Self.ids, position: Self.position, dTable: &dTable, dPositions: &dPositions,
      rows: Self.ids.count, columns: width)
    let added = Reference.embedTokensBackward(
      dy.exact, ids: Self.ids, position: Self.position, vocabSize: 5, positionCount: 3, columns: width)
    #expect(mismatch(dTable, zip(doubles(before.0), added.dTable).map(+), tolerance: 1e-6) == nil)
    #expect(mismatch(dPositions, zip(doubles(before.1), added.dPositions).map(+), tolerance: 1e-6) == nil)
  }

  @Test("tokens: finite differences, step 1e-3 (linear), tolerance 1e-9")
  func tokenDifferences() {
    let (table, positions) = (seededDoubles(5 * 3, seed: 1), seededDoubles(3 * 3, seed: 2))
    let dy = seededDoubles(Self.ids.count * 3, seed: 3)
    func loss(_ table: [Double], _ positions: [Double]) -> Double {
      Reference.dot(
        dy,
        Reference.embedTokensForward(
          table: table, positions: positions, ids: Self.ids, position: Self.position, columns: 3))
    }
    let analytic = Reference.embedTokensBackward(
      dy, ids: Self.ids, position: Self.position, vocabSize: 5, positionCount: 3, columns: 3)
    let byTable = finiteDifferences(of: table, step: 1e-3) { loss($0, positions) }
    let byPosition = finiteDifferences(of: positions, step: 1e-3) { loss(table, $0) }
    #expect(mismatch(analytic.dTable, byTable, tolerance: 1e-9) == nil)
    #expect(mismatch(analytic.dPositions, byPosition, tolerance: 1e-9) == nil)
  }
}
