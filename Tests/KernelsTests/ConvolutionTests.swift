import Kernels
import TestSupport
import Testing

@Suite("Convolutions")
struct ConvolutionTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var shape: ConvolutionShape
    var size: MapSize

    init(
      _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, batch: Int, height: Int,
      width: Int
    ) {
      shape = ConvolutionShape(
        inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, padding: padding)
      size = MapSize(batch: batch, height: height, width: width)
    }

    var testDescription: String {
      "\(size.batch)×\(size.height)×\(size.width)×\(shape.inputs)→\(shape.outputs) k\(shape.kernel) "
        + "s\(shape.stride) p\(shape.padding)"
    }

    var inputCount: Int { size.rows * shape.inputs }
    var outputCount: Int { shape.output(size).rows * shape.outputs }
    var weightCount: Int { shape.outputs * shape.fanIn }
  }

  /// The towers' kinds at awkward sizes: 7×7 stem, 3×3 with and without stride, 1×1, odd sides, remainders, no batch.
  static let cases = [
    Case(1, 1, kernel: 1, batch: 1, height: 1, width: 1),
    Case(3, 5, kernel: 3, padding: 1, batch: 2, height: 5, width: 7),
    Case(3, 16, kernel: 7, stride: 2, padding: 3, batch: 2, height: 13, width: 11),
    Case(3, 64, kernel: 7, stride: 2, padding: 3, batch: 1, height: 16, width: 16),
    Case(3, 32, kernel: 3, stride: 2, padding: 1, batch: 3, height: 8, width: 9),
    Case(16, 32, kernel: 3, stride: 2, padding: 1, batch: 2, height: 7, width: 8),
    Case(33, 17, kernel: 3, padding: 1, batch: 1, height: 4, width: 3),
    Case(32, 48, kernel: 1, batch: 3, height: 5, width: 5),
    Case(13, 7, kernel: 1, batch: 2, height: 3, width: 2),
    Case(64, 32, kernel: 1, stride: 2, batch: 2, height: 7, width: 5),
    Case(64, 64, kernel: 3, padding: 1, batch: 2, height: 7, width: 7),
    Case(4, 6, kernel: 3, padding: 1, batch: 0, height: 4, width: 4),
    Case(2, 3, kernel: 3, stride: 2, padding: 1, batch: 1, height: 1, width: 1),
  ]

  /// Masters that bfloat16 holds exactly, so that only results are rounded.
  private struct Numbers<S: ComputeScalar> {
    let test: Case
    let x: Values<S>
    let dy: Values<S>
    let weight: Values<BFloat16>

    init(_ test: Case) {
      self.test = test
      x = Values(test.inputCount, seed: 1)
      dy = Values(test.outputCount, seed: 2)
      weight = Values(test.weightCount, seed: 3)
    }

    func withMap(_ body: (ConvolutionMap<S>) -> Void) {
      let masters = weight.stored.map(\.float)
      masters.withUnsafeBufferPointer { body(ConvolutionMap<S>(test.shape, weight: $0.baseAddress!)) }
    }
  }

  @Test("forward", arguments: cases, Precision.allCases)
  func forward(_ test: Case, _ precision: Precision) { forward(precision.storage, test) }

  private func forward<S: ComputeScalar>(_: S.Type, _ test: Case) {
    let numbers = Numbers<S>(test)
    var y = unwritten(S.self, test.outputCount)
    numbers.withMap { $0.forward(numbers.x.stored, test.size, into: &y) }
    let expected = Reference.convolutionForward(
      numbers.x.exact, weight: numbers.weight.exact, test.shape, test.size)
    #expect(mismatch(y, expected, tolerance: tolerance(S.self, fp32: 1e-5, bf16: 5e-3)) == nil)
  }

  @Test("input gradient", arguments: cases, Precision.allCases)
  func backwardInput(_ test: Case, _ precision: Precision) { backwardInput(precision.storage, test) }

  private func backwardInput<S: ComputeScalar>(_: S.Type, _ test: Case) {
    let numbers = Numbers<S>(test)
    var dx = unwritten(S.self, test.inputCount)
    numbers.withMap { $0.backwardInput(numbers.dy.stored, test.size, into: &dx) }
    let expected = Reference.convolutionBackwardInput(
      numbers.dy.exact, weight: numbers.weight.exact, test.shape, test.size)
    #expect(mismatch(dx, expected, tolerance: tolerance(S.self, fp32: 1e-5, bf16: 5e-3)) == nil)
  }

  @Test("weight gradients are added", arguments: cases, Precision.allCases)
  func backwardWeight(_ test: Case, _ precision: Precision) { backwardWeight(precision.storage, test) }

  private func backwardWeight<S: ComputeScalar>(_: S.Type, _ test: Case) {
    let numbers = Numbers<S>(test)
    let before = seededFloats(test.weightCount, seed: 4)
    var dWeight = before
    numbers.withMap { $0.backwardWeight(numbers.x.stored, numbers.dy.stored, test.size, into: &dWeight) }
    let added = Reference.convolutionBackwardWeight(
      numbers.x.exact, numbers.dy.exact, test.shape, test.size)
    // 32-bit sums on both paths: the products of what bfloat16 holds are exact.
    #expect(mismatch(dWeight, zip(doubles(before), added).map(+), tolerance: 2e-5) == nil)
  }

  @Test("refresh re-reads the masters; one map serves several sizes", arguments: Precision.allCases)
  func refresh(_ precision: Precision) { refresh(precision.storage) }

  private func refresh<S: ComputeScalar>(_: S.Type) {
    var masters: [Float] = [2]
    masters.withUnsafeMutableBufferPointer { masters in
      let map = ConvolutionMap<S>(
        ConvolutionShape(inputs: 1, outputs: 1, kernel: 1), weight: masters.baseAddress!)
      var (y, dx) = (unwritten(S.self, 4), unwritten(S.self, 4))
      let one = [S](repeating: S(rounding: 1), count: 4)
      map.forward(one, MapSize(batch: 1, height: 2, width: 2), into: &y)
      #expect(y.map(\.float) == [2, 2, 2, 2])
      masters[0] = 3
      map.refresh()
      map.forward(one, MapSize(batch: 1, height: 1, width: 3), into: &y)
      map.backwardInput(one, MapSize(batch: 2, height: 2, width: 1), into: &dx)
      #expect(y.map(\.float) == [3, 3, 3, 2])
      #expect(dx.map(\.float) == [3, 3, 3, 3])
    }
  }

  @Test("a NaN reaches no more than its windows", arguments: Precision.allCases)
  func poison(_ precision: Precision) { poison(precision.storage) }

  private func poison<S: ComputeScalar>(_: S.Type) {
    let test = Case(3, 4, kernel: 3, padding: 1, batch: 2, height: 4, width: 4)
    let numbers = Numbers<S>(test)
    var x = numbers.x.stored
    x[0] = S(rounding: .nan)
    var y = unwritten(S.self, test.outputCount)
    numbers.withMap { $0.forward(x, test.size, into: &y) }
    let touched: Set<Int> = [0, 1, 4, 5]
    #expect(y.indices.allSatisfy { y[$0].float.isNaN == touched.contains($0 / 4) })
  }

  @Test("finite differences: step 1e-4, tolerance 1e-7", arguments: [(1, 0), (1, 1), (2, 1)])
  func finiteDifferences(_ stride: Int, _ padding: Int) {
    let test = Case(2, 3, kernel: 3, stride: stride, padding: padding, batch: 2, height: 4, width: 3)
    let (x, w) = (seededDoubles(test.inputCount, seed: 1), seededDoubles(test.weightCount, seed: 2))
    let dy = seededDoubles(test.outputCount, seed: 3)
    func loss(_ x: [Double], _ w: [Double]) -> Double {
      Reference.dot(dy, Reference.convolutionForward(x, weight: w, test.shape, test.size))
    }
    for (analytic, numeric) in [
      (
        Reference.convolutionBackwardInput(dy, weight: w, test.shape, test.size),
        TestSupport.finiteDifferences(of: x, step: 1e-4) { loss($0, w) }
      ),
      (
        Reference.convolutionBackwardWeight(x, dy, test.shape, test.size),
        TestSupport.finiteDifferences(of: w, step: 1e-4) { loss(x, $0) }
      ),
    ] { #expect(mismatch(analytic, numeric, tolerance: 1e-7) == nil) }
  }

  @Test("channels last", arguments: [(0, 3), (1, 1), (2, 3), (3, 7)], Precision.allCases)
  func channelsLast(_ sizes: (batch: Int, channels: Int), _ precision: Precision) {
    channelsLast(precision.storage, sizes)
  }

  private func channelsLast<S: ComputeScalar>(_: S.Type, _ sizes: (batch: Int, channels: Int)) {
    let size = MapSize(batch: sizes.batch, height: 3, width: 5)
    let images = Values<BFloat16>(size.rows * sizes.channels, seed: 1)
    var y = unwritten(S.self, images.stored.count)
    Kernels.channelsLast(images.stored.map(\.float), channels: sizes.channels, size, into: &y)
    #expect(doubles(y) == Reference.channelsLast(images.exact, channels: sizes.channels, size))
  }
}
