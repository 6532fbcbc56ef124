import Kernels
import TestSupport
import Testing
import Towers

@Suite("Parity with open_clip")
struct OpenCLIPParityTests {
  static let models = ["tiny_openclip", "tiny_openclip_gelu"]

  @Test("the same parameters under the same names and shapes", arguments: models)
  func names(_ model: String) throws {
    let test = try ParityCase<Float>(model)
    let parameters = test.encoder.parameters.parameters
    #expect(parameters.map(\.name).sorted() == test.fixture.names(after: "weights."))
    for parameter in parameters {
      #expect(try parameter.shape == test.fixture.shape("weights.\(parameter.name)"), "\(parameter.name)")
    }
  }

  @Test("features, by norm: 1e-5 in fp32, 2e-2 in bf16", arguments: models, Precision.allCases)
  func features(_ model: String, _ precision: Precision) throws { try features(precision.storage, model) }

  private func features<S: ComputeScalar>(_: S.Type, _ model: String) throws {
    let test = try ParityCase<S>(model)
    let (images, texts) = try test.features(arena: testArena())
    let bound = S.precision == .fp32 ? 1e-5 : 2e-2
    for (actual, name) in [(images, "image_features"), (texts, "text_features")] {
      let expected = doubles(try test.fixture.floats(name))
      #expect(normMismatch(doubles(actual), expected, tolerance: bound) == nil, "\(name)")
    }
  }

  @Test("loss: 1e-5 in fp32, 1e-2 in bf16", arguments: models, Precision.allCases)
  func loss(_ model: String, _ precision: Precision) throws { try loss(precision.storage, model) }

  private func loss<S: ComputeScalar>(_: S.Type, _ model: String) throws {
    let test = try ParityCase<S>(model)
    let loss = try test.step(arena: testArena())
    let expected = Double(try test.fixture.floats("loss")[0])
    #expect(abs(loss - expected) <= (S.precision == .fp32 ? 1e-5 : 1e-2) * expected)
  }

  @Test("every gradient, by norm: 1e-5 in fp32, 3e-2 in bf16", arguments: models, Precision.allCases)
  func gradients(_ model: String, _ precision: Precision) throws {
    try gradients(precision.storage, model)
  }

  private func gradients<S: ComputeScalar>(_: S.Type, _ model: String) throws {
    let test = try ParityCase<S>(model)
    _ = try test.step(arena: testArena())
    for parameter in test.encoder.parameters.parameters {
      let expected = doubles(try test.fixture.floats("grads.\(parameter.name)"))
      let bound = S.precision == .fp32 ? 1e-5 : 3e-2
      #expect(
        normMismatch(test.gradient(parameter), expected, tolerance: bound) == nil, "\(parameter.name)")
    }
  }

  @Test("gradients are added: two passes give twice one", arguments: Precision.allCases)
  func accumulation(_ precision: Precision) throws { try accumulation(precision.storage) }

  private func accumulation<S: ComputeScalar>(_: S.Type) throws {
    let test = try ParityCase<S>(Self.models[0])
    let (arena, gradients) = (try testArena(), test.encoder.parameters.gradients)
    _ = try test.step(arena: arena)
    let once = gradients.map { 2 * Double($0) }
    _ = try test.step(arena: arena)
    #expect(normMismatch(gradients.map { Double($0) }, once, tolerance: 1e-6) == nil)
    test.encoder.parameters.zeroGradients()
    #expect(gradients.allSatisfy { $0 == 0 })
  }
}
