import Kernels
import TestSupport
import Testing
import Towers

/// Pictures of other sizes and dropped patches, against open_clip's modules.
@Suite("Other sizes and dropped patches")
struct VisionViewTests {
  static let cases = ["wide", "kept", "tall_kept", "one"]

  /// One case of the fixture, with open_clip's weights in the encoder.
  private struct Case<S: ComputeScalar> {
    let test: ParityCase<S>
    let fixture: Fixture
    let name: String
    let pixels: [Float]
    let shape: [Int]
    let kept: KeptPatches?

    init(_ name: String) throws {
      test = try ParityCase("tiny_openclip_gelu")
      fixture = try Fixture("views", in: .module)
      self.name = name
      pixels = try fixture.floats("\(name).images")
      shape = try fixture.shape("\(name).images")
      kept =
        name.hasSuffix("kept")
        ? KeptPatches(
          indices: try fixture.integers("\(name).kept").map { Int32($0) },
          perImage: try fixture.shape("\(name).kept")[1]) : nil
    }

    func features(_ arena: Arena, _ mode: PassMode = .training) throws -> [Float] {
      var features = unwritten(Float.self, shape[0] * test.embedDim)
      let images = ImageBatch(
        pixels, count: shape[0], height: shape[2], width: shape[3], keptPatches: kept)
      try test.encoder.encodeImages(images, into: &features, TowerPass(mode, arena))
      return features
    }

    func backward(_ arena: Arena) throws {
      try arena.scratch {
        _ = try features(arena)
        try test.encoder.backwardImages(fixture.floats("\(name).dout")) { _ in }
      }
    }

    var parameters: [Parameter] {
      test.encoder.parameters.parameters.filter { $0.name.hasPrefix("visual.") }
    }
  }

  @Test("features, by norm: 1e-5 in fp32, 2e-2 in bf16", arguments: cases, Precision.allCases)
  func features(_ name: String, _ precision: Precision) throws { try features(precision.storage, name) }

  private func features<S: ComputeScalar>(_: S.Type, _ name: String) throws {
    let test = try Case<S>(name)
    let features = try test.features(testArena())
    let expected = doubles(try test.fixture.floats("\(name).features"))
    #expect(
      normMismatch(doubles(features), expected, tolerance: S.precision == .fp32 ? 1e-5 : 2e-2) == nil)
    #expect(try test.features(testArena(), .inference) == features)
  }

  @Test("every gradient, by norm: 1e-5 in fp32, 3e-2 in bf16", arguments: cases, Precision.allCases)
  func gradients(_ name: String, _ precision: Precision) throws { try gradients(precision.storage, name) }

  private func gradients<S: ComputeScalar>(_: S.Type, _ name: String) throws {
    let test = try Case<S>(name)
    try test.backward(testArena())
    for parameter in test.parameters {
      let expected = doubles(try test.fixture.floats("\(name).grads.\(parameter.name)"))
      let bound = S.precision == .fp32 ? 1e-5 : 3e-2
      #expect(
        normMismatch(test.test.gradient(parameter), expected, tolerance: bound) == nil, "\(parameter.name)")
    }
  }

  @Test("finite differences along every gradient: step 3e-3, tolerance 1e-2", arguments: cases)
  func differences(_ name: String) throws {
    let test = try Case<Float>(name)
    let arena = try testArena()
    try test.backward(arena)
    let weights = doubles(try test.fixture.floats("\(name).dout"))
    for parameter in test.parameters {
      try expectSlope(of: parameter, step: 3e-3, tolerance: 1e-2) {
        try Reference.dot(weights, doubles(arena.scratch { try test.features(arena, .inference) }))
      }
    }
  }

  @Test("keeping every patch is keeping none away", arguments: Precision.allCases)
  func allKept(_ precision: Precision) throws { try allKept(precision.storage) }

  private func allKept<S: ComputeScalar>(_: S.Type) throws {
    let test = try ParityCase<S>("tiny_openclip_gelu")
    let count = test.batchSize
    let kept = KeptPatches(indices: (0..<count).flatMap { _ in (0..<9).map { Int32($0) } }, perImage: 9)
    let results = try [nil, kept].map { kept in
      var features = unwritten(Float.self, count * test.embedDim)
      let images = ImageBatch(test.images, count: count, height: 15, width: 15, keptPatches: kept)
      try test.encoder.encodeImages(images, into: &features, TowerPass(.inference, testArena()))
      return features
    }
    #expect(results[0] == results[1])
  }

  @Test("the grid of a picture that is not square, and its gradient by differences")
  func grid() throws {
    let test = try Case<Float>("wide")
    let arena = try testArena()
    let images = ImageBatch(test.pixels, count: 4, height: 10, width: 20)
    let width = 28
    let weights = seededFloats(4 * 8 * width, seed: 5)
    func grid(_ mode: PassMode) throws -> [Double] {
      try arena.scratch {
        let grid = try test.test.encoder.images.forwardGrid(images, TowerPass(mode, arena))
        #expect(grid.height == 2 && grid.width == 4 && grid.columns == width)
        return (0..<weights.count).map { Double(grid.rows[$0]) }
      }
    }
    try arena.scratch {
      _ = try test.test.encoder.images.forwardGrid(images, TowerPass(.training, arena))
      try test.test.encoder.images.backwardGrid(weights) { _ in }
    }
    for parameter in test.parameters where parameter.name != "visual.proj" {
      try expectSlope(of: parameter, step: 3e-3, tolerance: 1e-2) {
        Reference.dot(doubles(weights), try grid(.inference))
      }
    }
  }
}
