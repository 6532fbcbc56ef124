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
    Case(32, 32, kernel: 3, padding: 1, batch: 0, height: 4, width: 4),
    Case(64, 96, kernel: 3, stride: 2, padding: 1, batch: 3, height: 9, width: 6),
    Case(96, 32, kernel: 1, stride: 2, batch: 3, height: 8, width: 5),
    Case(32, 64, kernel: 5, stride: 3, padding: 2, batch: 2, height: 10, width: 7),
    Case(32, 32, kernel: 3, batch: 2, height: 5, width: 4),
    Case(256, 64, kernel: 1, batch: 11, height: 13, width: 11),
    Case(64, 96, kernel: 1, batch: 24, height: 8, width: 8),
    Case(128, 32, kernel: 3, padding: 1, batch: 40, height: 7, width: 7),
    Case(5, 32, kernel: 5, stride: 2, padding: 2, batch: 3, height: 9, width: 6),
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

    func withMap(_ body: (ConvolutionMap<S>) throws -> Void) rethrows {
      let masters = weight.stored.map(\.float)
      try masters.withUnsafeBufferPointer { try body(ConvolutionMap<S>(test.shape, weight: $0.baseAddress!)) }
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

  @Test("sums over the result's rows", arguments: cases)
  func moments(_ test: Case) throws {
    let (numbers, arena) = (Numbers<BFloat16>(test), try Arena(capacity: 1 << 24))
    let outputs = test.shape.outputs
    var y = unwritten(BFloat16.self, test.outputCount)
    try numbers.withMap {
      guard let sums = $0.forwardWithMoments(numbers.x.stored, test.size, into: &y, arena: arena) else {
        return
      }
      let found = try batchMoments(sums, columns: outputs, eps: 1e-5, sumOverRanks: nil, arena: arena)
      let expected = Reference.batchMoments(
        doubles(y), rows: test.shape.output(test.size).rows, columns: outputs)
      #expect(mismatch(values(found.mean, outputs), expected.mean, tolerance: 1e-5) == nil)
      #expect(mismatch(values(found.variance, outputs), expected.variance, tolerance: 1e-5) == nil)
    }
  }

  private func values(_ pointer: UnsafeMutablePointer<Float>, _ count: Int) -> [Double] {
    (0..<count).map { Double(pointer[$0]) }
  }

  @Test("both gradients behind a batch norm, dX written and added to", arguments: cases, Precision.allCases)
  func backward(_ test: Case, _ precision: Precision) throws { try backward(precision.storage, test) }

  private func backward<S: ComputeScalar>(_: S.Type, _ test: Case) throws {
    let (numbers, arena) = (Numbers<S>(test), try Arena(capacity: 1 << 24))
    let (rows, outputs) = (test.shape.output(test.size).rows, test.shape.outputs)
    let y = Values<S>(test.outputCount, seed: 5)
    let gain = seededFloats(outputs, seed: 6, offset: 1)
    var (dGain, dBias) = ([Float](repeating: 0, count: outputs), [Float](repeating: 0, count: outputs))
    var dy = numbers.dy.stored
    let norm = try batchNormGradient(
      &dy, relu: nil, x: y.stored,
      moments: try batchMoments(
        y.stored, rows: rows, columns: outputs, eps: 1e-5, sumOverRanks: nil, arena: arena),
      through: .batch(nil), gain: gain, dGain: &dGain, dBias: &dBias, rows: rows, columns: outputs,
      arena: arena)
    var dConvolved = unwritten(S.self, test.outputCount)
    batchNormInputGradient(dy, x: y.stored, norm, into: &dConvolved, rows: rows, columns: outputs)
    let before = Values<S>(test.inputCount, seed: 7)
    var (dx, added, alone) = (
      unwritten(S.self, test.inputCount), before.stored, unwritten(S.self, test.inputCount)
    )
    var dWeights = [[Float]](repeating: [Float](repeating: 1, count: test.weightCount), count: 2)
    numbers.withMap {
      $0.backward(
        dy, through: norm, of: y.stored, input: numbers.x.stored, test.size, into: &dx, accumulating: false,
        dWeight: &dWeights[0], arena: arena)
      $0.backwardInput(dConvolved, test.size, into: &alone)
      $0.backwardWeight(numbers.x.stored, dConvolved, test.size, into: &dWeights[1])
      var unused = dWeights[0]
      $0.backward(
        dy, through: norm, of: y.stored, input: numbers.x.stored, test.size, into: &added,
        accumulating: true, dWeight: &unused, arena: arena)
    }
    // A rounding of the norm's gradient may fall to the other side.
    let bound = tolerance(S.self, fp32: 1e-6, bf16: 1e-2)
    #expect(mismatch(dx, doubles(alone), tolerance: bound) == nil)
    #expect(mismatch(added, zip(before.exact, doubles(alone)).map(+), tolerance: bound) == nil)
    #expect(mismatch(dWeights[0], doubles(dWeights[1]), tolerance: bound) == nil)
  }

  @Test("the matrix unit's products are oneDNN's", arguments: cases)
  func matrixUnit(_ test: Case) {
    let numbers = Numbers<BFloat16>(test)
    let masters = numbers.weight.stored.map(\.float)
    func products(usesMatrixUnit: Bool) -> (y: [Double], dx: [Double], dWeight: [Double]) {
      var (y, dx) = (unwritten(BFloat16.self, test.outputCount), unwritten(BFloat16.self, test.inputCount))
      var dWeight = [Float](repeating: 0, count: test.weightCount)
      masters.withUnsafeBufferPointer {
        let map = ConvolutionMap<BFloat16>(
          test.shape, weight: $0.baseAddress!, usesMatrixUnit: usesMatrixUnit)
        map.forward(numbers.x.stored, test.size, into: &y)
        map.backwardInput(numbers.dy.stored, test.size, into: &dx)
        map.backwardWeight(numbers.x.stored, numbers.dy.stored, test.size, into: &dWeight)
      }
      return (doubles(y), doubles(dx), doubles(dWeight))
    }
    let (own, library) = (products(usesMatrixUnit: true), products(usesMatrixUnit: false))
    #expect(mismatch(own.y, library.y, tolerance: 1e-2) == nil)
    #expect(mismatch(own.dx, library.dx, tolerance: 1e-2) == nil)
    #expect(mismatch(own.dWeight, library.dWeight, tolerance: 2e-5) == nil)
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
