import Foundation
import Optimization
import TestSupport
import Testing
import Towers

/// What make_adamw_fixture.py and make_adam_fixture.py ran with.
private struct Hyperparameters: Decodable {
  var lr: Double
  var beta1: Double
  var beta2: Double
  var eps: Double
  var weightDecay: Double
  var gradClipNorm: Double
  var steps: Int
  var decay: [String]
  var warmup: Int?
  var tMax: Double?
  var minLR: Double?
  var stepsPerEpoch: Double?

  enum CodingKeys: String, CodingKey {
    case lr, beta1, beta2, eps, warmup, steps, decay
    case weightDecay = "weight_decay"
    case gradClipNorm = "grad_clip_norm"
    case tMax = "t_max"
    case minLR = "min_lr"
    case stepsPerEpoch = "steps_per_epoch"
  }

  func settings(_ kind: OptimizerKind) -> OptimizerSettings {
    OptimizerSettings(kind: kind, beta1: beta1, beta2: beta2, eps: eps, weightDecay: weightDecay)
  }

  func schedule(_ kind: OptimizerKind) -> LearningRateSchedule {
    switch kind {
    case .adamW: .warmupCosine(lr: lr, warmup: warmup!, steps: steps)
    case .adam:
      .cosineAnnealing(lr: lr, tMaxEpochs: tMax!, stepsPerEpoch: stepsPerEpoch!, minLR: minLR!)
    }
  }
}

/// Another library's steps and an optimizer that is to take the same ones.
private struct Trajectory {
  let kind: OptimizerKind
  let fixture: Fixture
  let hyperparameters: Hyperparameters
  let parameters: ParameterArena
  let optimizer: Optimizer

  init(_ kind: OptimizerKind, clipsUpdates: Bool = false) throws {
    self.kind = kind
    fixture = try Fixture("\(clipsUpdates ? "stable_" : "")\(kind.rawValue)_trajectory", in: .module)
    hyperparameters = try JSONDecoder().decode(
      Hyperparameters.self, from: Data(fixture.metadata["hyperparameters"]!.utf8))
    let registry = ParameterRegistry()
    for name in fixture.names(after: "initial.") {
      let decays = hyperparameters.decay.contains(name)
      _ = registry.add(name, try fixture.shape("initial.\(name)"), decays: decays, .constant(0))
    }
    parameters = ParameterArena(registry)
    for parameter in parameters.parameters {
      let values = try fixture.floats("initial.\(parameter.name)")
      parameter.value.update(from: values, count: parameter.count)
    }
    var settings = hyperparameters.settings(kind)
    settings.clipsUpdates = clipsUpdates
    optimizer = Optimizer(parameters, settings: settings)
  }

  func loadGradients(step: Int) throws {
    for parameter in parameters.parameters {
      let all = try fixture.floats("grads.\(parameter.name)")
      let start = step * parameter.count
      parameter.gradient.update(
        from: Array(all[start..<start + parameter.count]), count: parameter.count)
    }
  }

  func expectParameters(after step: Int) throws {
    for parameter in parameters.parameters {
      let all = try fixture.floats("after.\(parameter.name)")
      let expected = all[step * parameter.count..<(step + 1) * parameter.count].map { Double($0) }
      let actual = (0..<parameter.count).map { Double(parameter.value[$0]) }
      #expect(mismatch(actual, expected, tolerance: 1e-6) == nil, "\(parameter.name) after step \(step)")
    }
  }
}

@Suite("AdamW and Adam against torch.optim")
struct OptimizerTests {
  @Test(
    "ten clipped, scheduled steps: every parameter, rate and norm within 1e-6",
    arguments: OptimizerKind.allCases)
  func trajectory(_ kind: OptimizerKind) throws { try follow(Trajectory(kind)) }

  @Test("the same with update clipping, against StableAdamW's formula")
  func clippedUpdates() throws { try follow(Trajectory(.adamW, clipsUpdates: true)) }

  private func follow(_ run: Trajectory) throws {
    let schedule = run.hyperparameters.schedule(run.kind)
    let (rates, norms) = (try run.fixture.doubles("lr"), try run.fixture.doubles("grad_norm"))
    for step in 0..<run.hyperparameters.steps {
      try run.loadGradients(step: step)
      let norm = GradientClipping.norm(run.parameters.gradients)
      let rate = schedule.rate(at: step)
      #expect(abs(norm / norms[step] - 1) < 1e-6)
      #expect(abs(rate / rates[step] - 1) < 1e-12)
      let factor = GradientClipping.factor(norm: norm, maxNorm: run.hyperparameters.gradClipNorm)
      run.optimizer.update(lr: rate, gradientScale: factor)
      try run.expectParameters(after: step)
    }
    #expect(run.optimizer.step == run.hyperparameters.steps)
  }

  @Test("without gradients AdamW's decaying parameters shrink and the others stay")
  func decayAlone() throws {
    let run = try Trajectory(.adamW)
    let parameters = run.parameters.parameters
    let before = parameters.map { Array(UnsafeBufferPointer(start: $0.value, count: $0.count)) }
    run.optimizer.update(lr: 0.1)
    for (parameter, start) in zip(parameters, before) {
      let keep: Float = parameter.decays ? 1 - 0.1 * Float(run.hyperparameters.weightDecay) : 1
      for i in start.indices { #expect(parameter.value[i] == start[i] * keep, "\(parameter.name)") }
    }
  }

  @Test("alignment gaps between parameters stay zero", arguments: OptimizerKind.allCases)
  func gaps(_ kind: OptimizerKind) throws {
    let run = try Trajectory(kind)
    try run.loadGradients(step: 0)
    run.optimizer.update(lr: 0.1)
    var inside = Set<Int>()
    for parameter in run.parameters.parameters { inside.formUnion(parameter.offset..<parameter.end) }
    #expect(inside.count < run.parameters.count)
    for i in 0..<run.parameters.count where !inside.contains(i) {
      #expect(run.parameters.values[i] == 0 && run.optimizer.m[i] == 0 && run.optimizer.v[i] == 0)
    }
  }

  @Test("constants that are not given: CLIP's for AdamW, torch's for Adam")
  func defaults() {
    #expect(OptimizerSettings() == .init(kind: .adamW, beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.2))
    #expect(
      OptimizerSettings(kind: .adam)
        == .init(kind: .adam, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0))
  }
}
