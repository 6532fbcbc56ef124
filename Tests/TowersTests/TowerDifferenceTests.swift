import Kernels
import TestSupport
import Testing
import Towers

@Suite("Finite differences of whole towers")
struct TowerDifferenceTests {
  /// L = Σ features · weights, so that dL/dFeatures is `weights`.
  private struct Probe {
    let test: ParityCase<Float>
    let arena: Arena
    let weights: (images: [Float], texts: [Float])

    init(_ model: String) throws {
      test = try ParityCase(model)
      arena = try testArena()
      let count = test.batchSize * test.embedDim
      weights = (seededFloats(count, seed: 1), seededFloats(count, seed: 2))
    }

    func loss() -> Double {
      arena.scratch {
        let features = test.features(arena: arena, training: false)
        return Reference.dot(doubles(features.images), doubles(weights.images))
          + Reference.dot(doubles(features.texts), doubles(weights.texts))
      }
    }

    func backward() {
      arena.scratch {
        _ = test.features(arena: arena)
        try! test.encoder.backwardTexts(weights.texts) { _ in }
        try! test.encoder.backwardImages(weights.images) { _ in }
      }
    }

    /// dL/dt of parameter + t · direction by central differences.
    func slope(of parameter: Parameter, along direction: [Double], step: Double) -> Double {
      let start = (0..<parameter.count).map { parameter.value[$0] }
      func loss(at t: Double) -> Double {
        for i in start.indices { parameter.value[i] = start[i] + Float(t * direction[i]) }
        return self.loss()
      }
      let difference = loss(at: step) - loss(at: -step)
      parameter.value.update(from: start, count: start.count)
      return difference / (2 * step)
    }
  }

  @Test("along every parameter's gradient: step 3e-3, tolerance 1e-2", arguments: OpenCLIPParityTests.models)
  func alongGradients(_ model: String) throws {
    let probe = try Probe(model)
    probe.backward()
    for parameter in probe.test.encoder.parameters.parameters where parameter.name != "logit_scale" {
      let gradient = probe.test.gradient(parameter)
      let length = norm(gradient)
      try #require(length.isFinite && length > 0, "\(parameter.name)")
      let slope = probe.slope(of: parameter, along: gradient.map { $0 / length }, step: 3e-3)
      #expect(abs(slope - length) <= 1e-2 * length, "\(parameter.name): \(slope), expected \(length)")
    }
  }
}
