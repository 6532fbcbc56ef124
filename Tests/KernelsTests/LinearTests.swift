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
    (70, 37, 45), (1100, 40, 33),
    (31, 1060, 33), (33, 700, 65), (300, 15, 270),
  ].flatMap { rows, inputs, outputs in
    [WeightLayout.outputsByInputs, .inputsByOutputs].map {
      Shape(rows: rows, inputs: inputs, outputs: outputs, layout: $0)
    }
  }

  /// Those that this machine has; KELIP_MATRIX_UNIT=off leaves our own out.
  static let engines = ProductEngine.allCases.filter(\.isAvailable)

  /// Masters that bfloat16 holds exactly, so that only results are rounded.
  private struct Case<S: ComputeScalar> {
    let shape: Shape
    let engine: ProductEngine
    let x: Values<S>
    let dy: Values<S>
    let weight: Values<BFloat16>
    let bias: [Float]

    init(_ shape: Shape, _ engine: ProductEngine) {
      (self.shape, self.engine) = (shape, engine)
      x = Values(shape.rows * shape.inputs, seed: 1)
      dy = Values(shape.rows * shape.outputs, seed: 2)
      weight = Values(shape.inputs * shape.outputs, seed: 3)
      bias = seededFloats(shape.outputs, seed: 4)
    }

    func withMap(_ body: (LinearMap<S>) throws -> Void) rethrows {
      let masters = weight.stored.map(\.float)
      try masters.withUnsafeBufferPointer {
        let map = LinearMap<S>(
          inputs: shape.inputs, outputs: shape.outputs, layout: shape.layout, weight: $0.baseAddress!,
          engine: engine)
        map.refresh()
        try body(map)
      }
    }
  }

  @Test("forward", arguments: shapes, engines)
  func forward(_ shape: Shape, _ engine: ProductEngine) {
    forward(engine.precision.storage, shape, engine)
  }

  private func forward<S: ComputeScalar>(_: S.Type, _ shape: Shape, _ engine: ProductEngine) {
    let test = Case<S>(shape, engine)
    let bound = tolerance(S.self, fp32: 1e-5, bf16: 5e-3)
    for bias in [nil, test.bias] {
      var y = unwritten(S.self, test.dy.stored.count)
      test.withMap { $0.forward(test.x.stored, bias: bias, into: &y, rows: shape.rows) }
      let expected = expectedForward(test, bias)
      #expect(mismatch(y, expected, tolerance: bound) == nil)
    }
  }

  @Test("forward to 32-bit features", arguments: shapes, engines)
  func forwardToFloat(_ shape: Shape, _ engine: ProductEngine) {
    forwardToFloat(engine.precision.storage, shape, engine)
  }

  private func forwardToFloat<S: ComputeScalar>(_: S.Type, _ shape: Shape, _ engine: ProductEngine) {
    let test = Case<S>(shape, engine)
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

  @Test("input gradient", arguments: shapes, engines)
  func backwardInput(_ shape: Shape, _ engine: ProductEngine) {
    backwardInput(engine.precision.storage, shape, engine)
  }

  private func backwardInput<S: ComputeScalar>(_: S.Type, _ shape: Shape, _ engine: ProductEngine) {
    let test = Case<S>(shape, engine)
    var dx = unwritten(S.self, test.x.stored.count)
    test.withMap { $0.backwardInput(test.dy.stored, into: &dx, rows: shape.rows) }
    let expected = Reference.linearBackwardInput(
      test.dy.exact, weight: test.weight.exact, rows: shape.rows, inputs: shape.inputs,
      outputs: shape.outputs, layout: shape.layout)
    #expect(mismatch(dx, expected, tolerance: tolerance(S.self, fp32: 1e-5, bf16: 5e-3)) == nil)
  }

  @Test("weight and bias gradients are added", arguments: shapes, engines)
  func backwardWeight(_ shape: Shape, _ engine: ProductEngine) throws {
    try backwardWeight(engine.precision.storage, shape, engine)
  }

  private func backwardWeight<S: ComputeScalar>(_: S.Type, _ shape: Shape, _ engine: ProductEngine) throws {
    let test = Case<S>(shape, engine)
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

  @Test("through an activation, forward and back", arguments: shapes, engines)
  func activations(_ shape: Shape, _ engine: ProductEngine) {
    for kind in [Activation.quickGELU, .gelu] { activation(engine.precision.storage, shape, engine, kind) }
  }

  /// The fused form against the product and the activation one after the other.
  private func activation<S: ComputeScalar>(
    _: S.Type, _ shape: Shape, _ engine: ProductEngine, _ kind: Activation
  ) {
    let test = Case<S>(shape, engine)
    let (inputs, outputs) = (shape.rows * shape.inputs, shape.rows * shape.outputs)
    let bound = tolerance(S.self, fp32: 1e-5, bf16: 1e-2)
    var (before, after, dx) = (
      unwritten(S.self, outputs), unwritten(S.self, outputs), unwritten(S.self, inputs)
    )
    var input = test.x.stored
    test.withMap { map in
      before.withUnsafeMutableBufferPointer {
        guard let start = $0.baseAddress else { return }
        map.forward(
          test.x.stored, bias: test.bias, through: ActivationPass(kind, input: start), into: &after,
          rows: shape.rows)
      }
      input.withUnsafeMutableBufferPointer {
        guard let start = $0.baseAddress else { return }
        map.backwardInput(
          test.dy.stored, through: ActivationPass(kind, input: start), into: &dx, rows: shape.rows)
      }
    }
    guard shape.rows > 0 else { return }
    let z = expectedForward(test, test.bias)
    #expect(mismatch(before, z, tolerance: bound) == nil)
    #expect(mismatch(after, Reference.activationForward(kind, z), tolerance: bound) == nil)
    let dy = Reference.linearBackwardInput(
      test.dy.exact, weight: test.weight.exact, rows: shape.rows, inputs: shape.inputs,
      outputs: shape.outputs, layout: shape.layout)
    let expected = Reference.activationBackward(kind, dy, x: test.x.exact)
    #expect(mismatch(dx, expected, tolerance: bound) == nil)
  }

  @Test("refresh re-reads the masters", arguments: engines)
  func refresh(_ engine: ProductEngine) { refresh(engine.precision.storage, engine) }

  private func refresh<S: ComputeScalar>(_: S.Type, _ engine: ProductEngine) {
    var (y, dx) = (unwritten(S.self, 1), unwritten(S.self, 1))
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) { master in
      master[0] = 2
      let map = LinearMap<S>(
        inputs: 1, outputs: 1, layout: .outputsByInputs, weight: master.baseAddress!, engine: engine)
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
