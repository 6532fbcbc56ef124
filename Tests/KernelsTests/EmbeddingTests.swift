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

  @Test("patchify", arguments: [(1, 1, 1), (2, 15, 5), (3, 32, 8), (0, 4, 2), (1, 6, 6)], Precision.allCases)
  func patches(_ sizes: (batch: Int, image: Int, patch: Int), _ precision: Precision) {
    patches(precision.storage, batch: sizes.batch, imageSize: sizes.image, patchSize: sizes.patch)
  }

  private func patches<S: ComputeScalar>(_: S.Type, batch: Int, imageSize: Int, patchSize: Int) {
    let images = seededFloats(batch * 3 * imageSize * imageSize, seed: 1)
    var y = unwritten(S.self, images.count)
    patchify(images, into: &y, batch: batch, imageSize: imageSize, patchSize: patchSize)
    let expected = Reference.patchify(
      doubles(images), batch: batch, imageSize: imageSize, patchSize: patchSize)
    #expect(mismatch(y, expected, tolerance: tolerance(S.self, fp32: 0, bf16: 4e-3)) == nil)
  }

  @Test(
    "assembling patches, forward and backward", arguments: [(1, 1, 1), (2, 9, 7), (3, 16, 33), (0, 4, 5)],
    Precision.allCases)
  func assembly(_ sizes: (batch: Int, patches: Int, width: Int), _ precision: Precision) {
    assembly(precision.storage, sizes.batch, sizes.patches, sizes.width)
  }

  private func assembly<S: ComputeScalar>(_: S.Type, _ batch: Int, _ count: Int, _ width: Int) {
    let patches = Values<S>(batch * count * width, seed: 1)
    let (classEmbedding, positions) = (
      seededFloats(width, seed: 2), seededFloats((1 + count) * width, seed: 3)
    )
    var y = unwritten(S.self, batch * (1 + count) * width)
    assemblePatchesForward(
      patches.stored, classEmbedding: classEmbedding, positions: positions, into: &y, batch: batch,
      patchCount: count, columns: width)
    let expected = Reference.assemblePatchesForward(
      patches.exact, classEmbedding: doubles(classEmbedding), positions: doubles(positions), batch: batch,
      patchCount: count, columns: width)
    #expect(mismatch(y, expected, tolerance: tolerance(S.self, fp32: 1e-6, bf16: 4e-3)) == nil)

    let dy = Values<S>(y.count, seed: 4)
    var (dPatches, dClass, dPositions) = (unwritten(S.self, patches.stored.count), classEmbedding, positions)
    assemblePatchesBackward(
      dy.stored, into: &dPatches, dClass: &dClass, dPositions: &dPositions, batch: batch, patchCount: count,
      columns: width)
    let slow = Reference.assemblePatchesBackward(dy.exact, batch: batch, patchCount: count, columns: width)
    #expect(doubles(dPatches) == slow.dPatches)
    #expect(mismatch(dClass, zip(doubles(classEmbedding), slow.dClass).map(+), tolerance: 1e-6) == nil)
    #expect(mismatch(dPositions, zip(doubles(positions), slow.dPositions).map(+), tolerance: 1e-6) == nil)
  }

  @Test("assembling patches: finite differences, step 1e-3 (linear), tolerance 1e-9")
  func assemblyDifferences() {
    let (batch, count, width) = (2, 3, 4)
    let patches = seededDoubles(batch * count * width, seed: 1)
    let (token, positions) = (seededDoubles(width, seed: 2), seededDoubles((1 + count) * width, seed: 3))
    let dy = seededDoubles(batch * (1 + count) * width, seed: 4)
    func loss(_ patches: [Double], _ token: [Double], _ positions: [Double]) -> Double {
      Reference.dot(
        dy,
        Reference.assemblePatchesForward(
          patches, classEmbedding: token, positions: positions, batch: batch, patchCount: count,
          columns: width))
    }
    let slow = Reference.assemblePatchesBackward(dy, batch: batch, patchCount: count, columns: width)
    for (analytic, numeric) in [
      (slow.dPatches, finiteDifferences(of: patches, step: 1e-3) { loss($0, token, positions) }),
      (slow.dClass, finiteDifferences(of: token, step: 1e-3) { loss(patches, $0, positions) }),
      (slow.dPositions, finiteDifferences(of: positions, step: 1e-3) { loss(patches, token, $0) }),
    ] { #expect(mismatch(analytic, numeric, tolerance: 1e-9) == nil) }
  }
}
