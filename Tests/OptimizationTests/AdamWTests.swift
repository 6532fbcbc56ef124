import Foundation
import Optimization
import TestSupport
import Testing
import Towers

/// What make_adamw_fixture.py ran with.
private struct Hyperparameters: Decodable {
  var lr: Double
  var beta1: Double
  var beta2: Double
  var eps: Double
  var weightDecay: Double
  var gradClipNorm: Double
  var warmup: Int
  var steps: Int
  var decay: [String]

  enum CodingKeys: String, CodingKey {
    case lr, beta1, beta2, eps, warmup, steps, decay
    case weightDecay = "weight_decay"
    case gradClipNorm = "grad_clip_norm"
  }
}

@Suite("AdamW against torch.optim.AdamW")
struct AdamWTests {
  private let fixture: Fixture
  private let settings: Hyperparameters
  private let parameters: ParameterArena
  private let optimizer: AdamW

  init() throws {
    fixture = try Fixture("adamw_trajectory", in: .module)
    settings = try JSONDecoder().decode(
      Hyperparameters.self, from: Data(fixture.metadata["hyperparameters"]!.utf8))
    let registry = ParameterRegistry()
    for name in fixture.names(after: "initial.") {
      let decays = settings.decay.contains(name)
      _ = registry.add(name, try fixture.shape("initial.\(name)"), decays: decays, .constant(0))
    }
    parameters = ParameterArena(registry)
    for parameter in parameters.parameters {
      let values = try fixture.floats("initial.\(parameter.name)")
      parameter.value.update(from: values, count: parameter.count)
    }
    optimizer = AdamW(
      parameters,
      settings: AdamWSettings(
        beta1: settings.beta1, beta2: settings.beta2, eps: settings.eps, weightDecay: settings.weightDecay))
  }

  private func loadGradients(step: Int) throws {
    for parameter in parameters.parameters {
      let all = try fixture.floats("grads.\(parameter.name)")
      let start = step * parameter.count
      parameter.gradient.update(
        from: Array(all[start..<start + parameter.count]), count: parameter.count)
    }
  }

  @Test("ten clipped, scheduled steps: every parameter, rate and norm within 1e-6")
  func trajectory() throws {
    let schedule = WarmupCosine(lr: settings.lr, warmup: settings.warmup, steps: settings.steps)
    let (rates, norms) = (try fixture.doubles("lr"), try fixture.doubles("grad_norm"))
    for step in 0..<settings.steps {
      try loadGradients(step: step)
      let norm = GradientClipping.norm(parameters.gradients)
      let rate = schedule.rate(at: step)
      #expect(abs(norm / norms[step] - 1) < 1e-6)
      #expect(abs(rate / rates[step] - 1) < 1e-12)
      let factor = GradientClipping.factor(norm: norm, maxNorm: settings.gradClipNorm)
      optimizer.update(lr: rate, gradientScale: factor)
      try expectParameters(after: step)
    }
    #expect(optimizer.step == settings.steps)
  }

  private func expectParameters(after step: Int) throws {
    for parameter in parameters.parameters {
      let all = try fixture.floats("after.\(parameter.name)")
      let expected = all[step * parameter.count..<(step + 1) * parameter.count].map { Double($0) }
      let actual = (0..<parameter.count).map { Double(parameter.value[$0]) }
      #expect(mismatch(actual, expected, tolerance: 1e-6) == nil, "\(parameter.name) after step \(step)")
    }
  }

  @Test("without gradients the decaying parameters shrink and the others stay")
  func decayAlone() throws {
    let before = parameters.parameters.map { Array(UnsafeBufferPointer(start: $0.value, count: $0.count)) }
    optimizer.update(lr: 0.1)
    for (parameter, start) in zip(parameters.parameters, before) {
      let keep: Float = parameter.decays ? 1 - 0.1 * Float(settings.weightDecay) : 1
      for i in start.indices { #expect(parameter.value[i] == start[i] * keep, "\(parameter.name)") }
    }
  }

  @Test("alignment gaps between parameters stay zero")
  func gaps() throws {
    try loadGradients(step: 0)
    optimizer.update(lr: 0.1)
    var inside = Set<Int>()
    for parameter in parameters.parameters { inside.formUnion(parameter.offset..<parameter.end) }
    #expect(inside.count < parameters.count)
    for i in 0..<parameters.count where !inside.contains(i) {
      #expect(parameters.values[i] == 0 && optimizer.m[i] == 0 && optimizer.v[i] == 0)
    }
  }
}
