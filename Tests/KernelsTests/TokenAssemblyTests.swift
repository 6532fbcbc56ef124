import Kernels
import TestSupport
import Testing

@Suite("Token assembly")
struct TokenAssemblyTests {
  /// Two sequences of a token and three rows, the rows out of order, positions shared.
  static let source: [Int32] = [-1, 2, 0, 5, -1, 1, 4, 3]
  static let position: [Int32] = [0, 3, 1, 2, 0, 1, 2, 3]
  static let widths = [1, 7, 33, 97, 768]

  @Test("forward", arguments: widths, Precision.allCases)
  func forward(_ width: Int, _ precision: Precision) { forward(precision.storage, width) }

  private func forward<S: ComputeScalar>(_: S.Type, _ width: Int) {
    let x = Values<S>(6 * width, seed: 1)
    let (token, positions) = (seededFloats(width, seed: 2), seededFloats(4 * width, seed: 3))
    for rows in [Self.source.count, 1, 0] {
      let (source, position) = (Array(Self.source.prefix(rows)), Array(Self.position.prefix(rows)))
      var y = unwritten(S.self, rows * width)
      assembleTokensForward(
        x.stored, token: token, positions: positions, source: source, position: position, into: &y,
        columns: width)
      let expected = Reference.assembleTokensForward(
        x.exact, token: doubles(token), positions: doubles(positions), source: source, position: position,
        columns: width)
      #expect(mismatch(y, expected, tolerance: tolerance(S.self, fp32: 1e-6, bf16: 4e-3)) == nil)
    }
  }

  @Test("backward adds to the parameters and writes every source", arguments: widths, Precision.allCases)
  func backward(_ width: Int, _ precision: Precision) { backward(precision.storage, width) }

  private func backward<S: ComputeScalar>(_: S.Type, _ width: Int) {
    let dy = Values<S>(Self.source.count * width, seed: 1)
    let before = (seededFloats(width, seed: 2), seededFloats(4 * width, seed: 3))
    var (dx, dToken, dPositions) = (unwritten(S.self, 6 * width), before.0, before.1)
    assembleTokensBackward(
      dy.stored, source: Self.source, position: Self.position, into: &dx, dToken: &dToken,
      dPositions: &dPositions, columns: width)
    let slow = Reference.assembleTokensBackward(
      dy.exact, source: Self.source, position: Self.position, sourceCount: 6, positionCount: 4,
      columns: width)
    #expect(doubles(dx) == slow.dx)
    #expect(mismatch(dToken, zip(doubles(before.0), slow.dToken).map(+), tolerance: 1e-6) == nil)
    #expect(mismatch(dPositions, zip(doubles(before.1), slow.dPositions).map(+), tolerance: 1e-6) == nil)
  }

  @Test("finite differences, step 1e-3 (linear), tolerance 1e-9")
  func differences() {
    let width = 3
    let (x, token) = (seededDoubles(6 * width, seed: 1), seededDoubles(width, seed: 2))
    let positions = seededDoubles(4 * width, seed: 3)
    let dy = seededDoubles(Self.source.count * width, seed: 4)
    func loss(_ x: [Double], _ token: [Double], _ positions: [Double]) -> Double {
      Reference.dot(
        dy,
        Reference.assembleTokensForward(
          x, token: token, positions: positions, source: Self.source, position: Self.position, columns: width)
      )
    }
    let slow = Reference.assembleTokensBackward(
      dy, source: Self.source, position: Self.position, sourceCount: 6, positionCount: 4, columns: width)
    for (analytic, numeric) in [
      (slow.dx, finiteDifferences(of: x, step: 1e-3) { loss($0, token, positions) }),
      (slow.dToken, finiteDifferences(of: token, step: 1e-3) { loss(x, $0, positions) }),
      (slow.dPositions, finiteDifferences(of: positions, step: 1e-3) { loss(x, token, $0) }),
    ] { #expect(mismatch(analytic, numeric, tolerance: 1e-9) == nil) }
  }

  @Test(
    "chosen patches, also of pictures that are not square and do not divide",
    arguments: [(1, 1, 1, 1), (2, 15, 10, 5), (3, 8, 32, 8), (1, 7, 5, 2)], Precision.allCases)
  func patches(_ sizes: (batch: Int, height: Int, width: Int, patch: Int), _ precision: Precision) {
    patches(precision.storage, sizes.batch, sizes.height, sizes.width, sizes.patch)
  }

  private func patches<S: ComputeScalar>(
    _: S.Type, _ batch: Int, _ height: Int, _ width: Int, _ patch: Int
  ) {
    let images = seededFloats(batch * 3 * height * width, seed: 1)
    let total = Int32(batch * (height / patch) * (width / patch))
    for index in [Array((0..<total).reversed()), [total - 1], []] {
      var y = unwritten(S.self, index.count * 3 * patch * patch)
      gatherPatches(images, index: index, into: &y, height: height, width: width, patchSize: patch)
      let expected = Reference.gatherPatches(
        doubles(images), index: index, height: height, width: width, patchSize: patch)
      #expect(mismatch(y, expected, tolerance: tolerance(S.self, fp32: 0, bf16: 4e-3)) == nil)
    }
  }
}
