import Kernels
import TestSupport
import Testing

@Suite("Linear maps")
struct LinearTests {
  struct Shape: CustomTestStringConvertible, Sendable {
    var rows: Int
    var inputs: Int
    var outputs: Int
    var layout: WeightLayout

    var testDescription: String { "\(rows)×\(inputs)→\(outputs) \(layout)" }
  }

  static let shapes = [
    (1, 1, 1), (0, 3, 5), (7, 1, 3), (5, 33, 97), (97, 13, 1), (33, 64, 7), (3, 768, 31), (50, 96, 192),
  ].flatMap { rows, inputs, outputs in
    [WeightLayout.outputsByInputs, .inputsByOutputs].map {
      Shape(rows: rows, inputs: inputs, outputs: outputs, layout: $0)
    }
  }

  /// Masters that bfloat16 holds exactly, so that only results are rounded.
  private struct Case<S: ComputeScalar> {
    let shape: Shape
    let x: Values<S>
    let dy: Values<S>
    let weight: Values<BFloat16>
    let bias: [Float]

    init(_ shape: Shape) {
      self.shape = shape
      x = Values(shape.rows * shape.inputs, seed: 1)
      dy = Values(shape.rows * shape.outputs, seed: 2)
      weight = Values(shape.inputs * shape.outputs, seed: 3)
      bias = seededFloats(shape.outputs, seed: 4)
    }

    func withMap(_ body: (LinearMap<S>) throws -> Void) rethrows {
      let masters = weight.stored.map(\.float)
      try masters.withUnsafeBufferPointer {
        let map = LinearMap<S>(
          inputs: shape.inputs, outputs: shape.outputs, layout: shape.layout, weight: $0.baseAddress!)
        map.refresh()
        try body(map)
      }
    }
  }

  @Test("forward", arguments: shapes, Precision.allCases)
  func forward(_ shape: Shape, _ precision: Precision) { forward(precision.storage, shape) }

  private func forward<S: ComputeScalar>(_: S.Type, _ shape: Shape) {
    let test = Case<S>(shape)
    let bound = tolerance(S.self, fp32: 1e-5, bf16: 5e-3)
    for bias in [nil, test.bias] {
      var y = unwritten(S.self, test.dy.stored.count)
      test.withMap { $0.forward(test.x.stored, bias: bias, into: &y, rows: shape.rows) }
      let expected = expectedForward(test, bias)
      #expect(mismatch(y, expected, tolerance: bound) == nil)
    }
  }

  @Test("forward to 32-bit features", arguments: shapes, Precision.allCases)
  func forwardToFloat(_ shape: Shape, _ precision: Precision) { forwardToFloat(precision.storage, shape) }

  private func forwardToFloat<S: ComputeScalar>(_: S.Type, _ shape: Shape) {
    let test = Case<S>(shape)
    for bias in [nil, test.bias] {
      var y = unwritten(Float.self, test.dy.stored.count)
      test.withMap { $0.forwardToFloat(test.x.stored, bias: bias, into: &y, rows: shape.rows) }
      #expect(mismatch(y, expectedForward(test, bias), tolerance: 1e-5) == nil)
    }
  }

  private func expectedForward<S: ComputeScalar>(_ test: Case<S>, _ bias: [Float]?) -> [Double] {
    let shape = test.shape
    return Reference.linearForward(
      test.x.exact, weight: test.weight.exact, bias: bias.map(doubles), rows: shape.rows,
      inputs: shape.inputs, outputs: shape.outputs, layout: shape.layout)
  }

  @Test("input gradient", arguments: shapes, Precision.allCases)
  func backwardInput(_ shape: Shape, _ precision: Precision) { backwardInput(precision.storage, shape) }

  private func backwardInput<S: ComputeScalar>(_: S.Type, _ shape: Shape) {
    let test = Case<S>(shape)
    var dx = unwritten(S.self, test.x.stored.count)
    test.withMap { $0.backwardInput(test.dy.stored, into: &dx, rows: shape.rows) }
    let expected = Reference.linearBackwardInput(
      test.dy.exact, weight: test.weight.exact, rows: shape.rows, inputs: shape.inputs,
      outputs: shape.outputs, layout: shape.layout)
    #expect(mismatch(dx, expected, tolerance: tolerance(S.self, fp32: 1e-5, bf16: 5e-3)) == nil)
  }

  @Test("weight and bias gradients are added", arguments: shapes, Precision.allCases)
  func backwardWeight(_ shape: Shape, _ precision: Precision) throws {
    try backwardWeight(precision.storage, shape)
  }

  private func backwardWeight<S: ComputeScalar>(_: S.Type, _ shape: Shape) throws {
    let test = Case<S>(shape)
    let arena = try Arena(capacity: 1 << 24)
    let before = (seededFloats(shape.inputs * shape.outputs, seed: 5), seededFloats(shape.outputs, seed: 6))
    var (dWeight, dBias) = before
    test.withMap {
      $0.backwardWeight(
        test.x.stored, test.dy.stored, into: &dWeight, dBias: &dBias, rows: shape.rows, arena: arena)
    }
    let added = Reference.linearBackwardWeight(
      test.x.exact, test.dy.exact, rows: shape.rows, inputs: shape.inputs, outputs: shape.outputs,
      layout: shape.layout)
    #expect(mismatch(dWeight, zip(doubles(before.0), added.dWeight).map(+), tolerance: 1e-5) == nil)
    #expect(mismatch(dBias, zip(doubles(before.1), added.dBias).map(+), tolerance: 1e-5) == nil)
  }

  @Test("refresh re-reads the masters", arguments: Precision.allCases)
  func refresh(_ precision: Precision) { refresh(precision.storage) }

  private func refresh<S: ComputeScalar>(_: S.Type) {
    var (y, dx) = (unwritten(S.self, 1), unwritten(S.self, 1))
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) { master in
      master[0] = 2
      let map = LinearMap<S>(
        inputs: 1, outputs: 1, layout: .outputsByInputs, weight: master.baseAddress!)
      map.refresh()
      master[0] = 3
      map.refresh()
      map.forward([S(rounding: 1)], bias: nil, into: &y, rows: 1)
      map.backwardInput([S(rounding: 1)], into: &dx, rows: 1)
    }
    #expect(y[0].float == 3)
    #expect(dx[0].float == 3)
  }

  @Test(
    "finite differences: step 1e-4, tolerance 1e-7",
    arguments: [WeightLayout.outputsByInputs, .inputsByOutputs])
  func finiteDifferences(_ layout: WeightLayout) {
    let (rows, inputs, outputs) = (3, 4, 5)
    let (x, w) = (seededDoubles(rows * inputs, seed: 1), seededDoubles(inputs * outputs, seed: 2))
    let (b, dy) = (seededDoubles(outputs, seed: 3), seededDoubles(rows * outputs, seed: 4))
    func loss(_ x: [Double], _ w: [Double], _ b: [Double]) -> Double {
      Reference.dot(
        dy,
        Reference.linearForward(
          x, weight: w, bias: b, rows: rows, inputs: inputs, outputs: outputs, layout: layout))
    }
    let dx = Reference.linearBackwardInput(
      dy, weight: w, rows: rows, inputs: inputs, outputs: outputs, layout: layout)
    let dParameters = Reference.linearBackwardWeight(
      x, dy, rows: rows, inputs: inputs, outputs: outputs, layout: layout)
    for (analytic, numeric) in [
      (dx, TestSupport.finiteDifferences(of: x, step: 1e-4) { loss($0, w, b) }),
      (dParameters.dWeight, TestSupport.finiteDifferences(of: w, step: 1e-4) { loss(x, $0, b) }),
      (dParameters.dBias, TestSupport.finiteDifferences(of: b, step: 1e-4) { loss(x, w, $0) }),
    ] { #expect(mismatch(analytic, numeric, tolerance: 1e-7) == nil) }
  }
}
