import Kernels
import TestSupport
import Testing
import Towers

@Suite("Parity of convolutional towers with torchvision and open_clip")
struct ResNetParityTests {
  static let tiny = ["resnet_tiny", "resnet_modified_tiny"]
  static let full = ["resnet_50", "resnet_modified_50"]

  @Test("the same parameters and statistics under the same names and shapes", arguments: tiny)
  func names(_ model: String) throws {
    let test = try ResNetCase<Float>(model)
    let trained = test.parameters.parameters.filter(\.isTrainable)
    let statistics = test.parameters.parameters.filter { $0.role == .statistic }
    #expect(trained.map(\.name).sorted() == test.fixture.names(after: "grads."))
    #expect(statistics.map(\.name).sorted() == test.fixture.names(after: "after."))
    for parameter in trained {
      #expect(try parameter.shape == test.fixture.shape("grads.\(parameter.name)"), "\(parameter.name)")
    }
    for parameter in statistics {
      #expect(try parameter.shape == test.fixture.shape("after.\(parameter.name)"), "\(parameter.name)")
    }
  }

  @Test("features, by norm: 1e-5 in fp32, 5e-2 in bf16", arguments: tiny, Precision.allCases)
  func features(_ model: String, _ precision: Precision) throws {
    try features(precision.storage, model)
  }

  private func features<S: ComputeScalar>(_: S.Type, _ model: String) throws {
    let (test, arena) = (try ResNetCase<S>(model), try testArena())
    for (mode, name) in [(PassMode.inference, "eval"), (.rehearsal, "train"), (.training, "train")] {
      let found = try arena.scratch { try test.features(TowerPass(mode, arena)) }
      #expect(try featureProblem(test, found, name) == nil, "\(mode)")
    }
    #expect(try statisticProblems(test).isEmpty)
  }

  private func featureProblem<S: ComputeScalar>(
    _ test: ResNetCase<S>, _ found: [Float], _ name: String
  ) throws -> String? {
    let expected = doubles(try test.fixture.floats("features.\(name)"))
    return normMismatch(doubles(found), expected, tolerance: S.precision == .fp32 ? 1e-5 : 5e-2)
  }

  /// Running statistics after one training pass: 1e-5 in fp32, 1e-2 in bf16.
  private func statisticProblems<S: ComputeScalar>(_ test: ResNetCase<S>) throws -> [String] {
    let bound = S.precision == .fp32 ? 1e-5 : 1e-2
    return try test.parameters.parameters.filter { $0.role == .statistic }.compactMap { parameter in
      let expected = doubles(try test.fixture.floats("after.\(parameter.name)"))
      return normMismatch(test.values(parameter), expected, tolerance: bound).map {
        "\(parameter.name): \($0)"
      }
    }
  }

  @Test("every gradient, by norm: 1e-3 in fp32, 0.25 in bf16", arguments: tiny, Precision.allCases)
  func gradients(_ model: String, _ precision: Precision) throws { try gradients(precision.storage, model) }

  private func gradients<S: ComputeScalar>(_: S.Type, _ model: String) throws {
    let test = try ResNetCase<S>(model)
    _ = try test.step(try testArena())
    for parameter in test.parameters.parameters where parameter.isTrainable {
      let expected = doubles(try test.fixture.floats("grads.\(parameter.name)"))
      let bound = S.precision == .fp32 ? 1e-3 : 0.25
      let problem = normMismatch(test.gradient(parameter), expected, tolerance: bound)
      #expect(problem == nil, "\(parameter.name)")
    }
  }

  /// Of each gradient the length and 64 elements, whose error is held against their part of the whole.
  @Test(
    "at full size: features, statistics, and every gradient by norm to 1e-3 in fp32, 0.25 in bf16",
    arguments: full, Precision.allCases)
  func fullSize(_ model: String, _ precision: Precision) throws { try fullSize(precision.storage, model) }

  private func fullSize<S: ComputeScalar>(_: S.Type, _ model: String) throws {
    let (test, arena) = (try ResNetCase<S>(model), try Arena(capacity: 1 << 34))
    let inference = try arena.scratch { try test.features(TowerPass(.inference, arena)) }
    #expect(try featureProblem(test, inference, "eval") == nil)
    #expect(try featureProblem(test, test.step(arena), "train") == nil)
    #expect(try statisticProblems(test).isEmpty)
    let bound = S.precision == .fp32 ? 1e-3 : 0.25
    for (seed, parameter) in ResNetCase<S>.sorted(test.parameters).enumerated() where parameter.isTrainable {
      let expected = doubles(try test.fixture.floats("grads.\(parameter.name)"))
      let found = ResNetCase<S>.sampled(parameter, seed: seed)
      #expect(abs(found[0] - expected[0]) <= bound * expected[0], "\(parameter.name)")
      let part = expected[0] * (64 / Double(parameter.count)).squareRoot()
      let problem = normMismatch(
        Array(found[1...]), Array(expected[1...]), tolerance: bound, floor: bound * part)
      #expect(problem == nil, "\(parameter.name)")
    }
  }
}
