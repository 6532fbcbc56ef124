import Kernels
import TestSupport
import Testing

@Suite("Pooling")
struct PoolingTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var shape: PoolingShape
    var size: MapSize

    var testDescription: String {
      "\(shape.kind) \(shape.kernel) s\(shape.stride) p\(shape.padding) of "
        + "\(size.batch)×\(size.height)×\(size.width)×\(shape.channels)"
    }

    var inputCount: Int { size.rows * shape.channels }
    var outputCount: Int { shape.output(size).rows * shape.channels }
  }

  /// The towers' windows (3×3 maxima, 2×2 means, whole maps) at awkward sizes.
  static let cases: [Case] = [(1, 2, 2, 1), (2, 5, 7, 3), (1, 8, 6, 64), (3, 7, 4, 33), (0, 4, 4, 5)].flatMap
  {
    batch, height, width, channels in
    let size = MapSize(batch: batch, height: height, width: width)
    return [
      PoolingShape(.maximum, channels: channels, kernel: 3, stride: 2, padding: 1),
      PoolingShape(.maximum, channels: channels, kernel: 2, stride: 2),
      PoolingShape(.average, channels: channels, kernel: 2, stride: 2),
      PoolingShape(.average, channels: channels, kernel: 3, stride: 1, padding: 1),
      PoolingShape.globalAverage(channels: channels, size),
    ].map { Case(shape: $0, size: size) }
  }

  private struct Result<S: ComputeScalar> {
    var y: [S]
    var dx: [S]

    init(_ test: Case, x: [S], dy: [S]) {
      (y, dx) = (unwritten(test.outputCount), unwritten(test.inputCount))
      let bytes = test.shape.workspaceBytes(test.size)
      withUnsafeTemporaryAllocation(byteCount: max(1, bytes), alignment: 64) { workspace in
        poolingForward(x, test.shape, test.size, into: &y, workspace: workspace.baseAddress)
        poolingBackward(dy, test.shape, test.size, into: &dx, workspace: workspace.baseAddress)
      }
    }
  }

  @Test("forward and backward", arguments: cases, Precision.allCases)
  func bothWays(_ test: Case, _ precision: Precision) { bothWays(precision.storage, test) }

  private func bothWays<S: ComputeScalar>(_: S.Type, _ test: Case) {
    let (x, dy) = (Values<S>(test.inputCount, seed: 1), Values<S>(test.outputCount, seed: 2))
    let result = Result(test, x: x.stored, dy: dy.stored)
    let bound = tolerance(S.self, fp32: 1e-5, bf16: 8e-3)
    #expect(
      mismatch(result.y, Reference.poolingForward(x.exact, test.shape, test.size), tolerance: bound) == nil)
    let dx = Reference.poolingBackward(dy.exact, x: x.exact, test.shape, test.size)
    #expect(mismatch(result.dx, dx, tolerance: bound) == nil)
  }

  @Test("the same without a workspace", arguments: cases, Precision.allCases)
  func inference(_ test: Case, _ precision: Precision) { inference(precision.storage, test) }

  private func inference<S: ComputeScalar>(_: S.Type, _ test: Case) {
    let x = Values<S>(test.inputCount, seed: 1)
    let training = Result(test, x: x.stored, dy: Values<S>(test.outputCount, seed: 2).stored)
    var y = unwritten(S.self, test.outputCount)
    poolingForward(x.stored, test.shape, test.size, into: &y)
    #expect(doubles(y) == doubles(training.y))
  }

  /// torch's max_pool2d: a NaN is above all, the last of several has the gradient; of −∞s, as of equals, the first.
  @Test("a maximum's NaNs, infinities and equals", arguments: Precision.allCases)
  func awkwardMaxima(_ precision: Precision) { awkwardMaxima(precision.storage) }

  private func awkwardMaxima<S: ComputeScalar>(_: S.Type) {
    let (nan, low) = (Float.nan, -Float.infinity)
    let windows: [(values: [Float], place: Int)] = [
      ([1, nan, 2, 0], 1), ([nan, 5, nan, 7], 2), ([low, low, low, low], 0), ([low, -3, low, -4], 1),
      ([2, 2, 1, 2], 0), ([1, .infinity, 3, .infinity], 1),
    ]
    let shape = PoolingShape(.maximum, channels: 1, kernel: 2, stride: 2)
    let size = MapSize(batch: windows.count, height: 2, width: 2)
    let x = windows.flatMap { $0.values.map { S(rounding: $0) } }
    var (y, dx) = (unwritten(S.self, windows.count), unwritten(S.self, x.count))
    var workspace = [UInt8](repeating: 0, count: shape.workspaceBytes(size))
    poolingForward(x, shape, size, into: &y, workspace: &workspace)
    poolingBackward(
      [S](repeating: S(rounding: 3), count: windows.count), shape, size, into: &dx, workspace: workspace)
    for (number, window) in windows.enumerated() {
      let most = window.values[window.place]
      #expect(most.isNaN ? y[number].float.isNaN : y[number].float == most)
      #expect((0..<4).allSatisfy { dx[4 * number + $0].float == ($0 == window.place ? 3 : 0) }, "\(window)")
    }
  }

  @Test("finite differences: step 1e-5, tolerance 1e-7")
  func finiteDifferences() {
    for test in Self.cases where (1...200).contains(test.inputCount) {
      let (x, dy) = (seededDoubles(test.inputCount, seed: 1), seededDoubles(test.outputCount, seed: 2))
      let analytic = Reference.poolingBackward(dy, x: x, test.shape, test.size)
      let numeric = TestSupport.finiteDifferences(of: x, step: 1e-5) {
        Reference.dot(dy, Reference.poolingForward($0, test.shape, test.size))
      }
      #expect(mismatch(analytic, numeric, tolerance: 1e-7) == nil, "\(test)")
    }
  }
}
