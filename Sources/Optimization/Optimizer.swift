import Basics
import Kernels
import Towers

/// The update rules there are; the raw values are those of `optimizer.kind`.
package enum OptimizerKind: String, CaseIterable, Sendable {
  /// Decay beside the gradient (Loshchilov & Hutter 2019), as torch.optim.AdamW.
  case adamW = "adamw"
  /// Decay within the gradient (Kingma & Ba 2015 with L2 regularisation), as torch.optim.Adam.
  case adam
}

/// An optimizer's constants, in torch.optim's terms.
package struct OptimizerSettings: Sendable, Equatable {
  package var kind: OptimizerKind
  package var beta1: Double
  package var beta2: Double
  package var eps: Double
  package var weightDecay: Double

  /// What is not given is CLIP's for AdamW and torch's for Adam.
  package init(
    kind: OptimizerKind = .adamW, beta1: Double = 0.9, beta2: Double? = nil, eps: Double? = nil,
    weightDecay: Double? = nil
  ) {
    let isAdamW = kind == .adamW
    (self.kind, self.beta1) = (kind, beta1)
    self.beta2 = beta2 ?? (isAdamW ? 0.98 : 0.999)
    self.eps = eps ?? (isAdamW ? 1e-6 : 1e-8)
    self.weightDecay = weightDecay ?? (isAdamW ? 0.2 : 0)
  }
}

/// The optimizer's state over what is trained of a parameter arena: both moments in the arena's layout.
package final class Optimizer {
  package let settings: OptimizerSettings
  /// First and second moments; a parameter's are at its `offset`.
  package let m: UnsafeMutableBufferPointer<Float>
  package let v: UnsafeMutableBufferPointer<Float>
  /// Updates done; 0 before the first.
  package var step = 0
  private let parameters: ParameterArena
  /// Runs of neighbouring parameters that are treated alike.
  private let runs: [(range: Range<Int>, decays: Bool)]

  package init(_ parameters: ParameterArena, settings: OptimizerSettings) {
    self.parameters = parameters
    self.settings = settings
    m = .allocate(capacity: parameters.trainedCount)
    v = .allocate(capacity: parameters.trainedCount)
    m.initialize(repeating: 0)
    v.initialize(repeating: 0)
    runs = Self.runs(of: parameters)
  }

  deinit {
    m.deallocate()
    v.deallocate()
  }

  /// One update of every parameter from the arena's gradients, each times `gradientScale`.
  package func update(lr: Double, gradientScale: Double = 1) {
    let span = Phase.update.begin()
    defer { span.end() }
    step += 1
    for run in runs {
      let decay = run.decays ? settings.weightDecay : 0
      let start = run.range.lowerBound
      let rule = settings.kind == .adamW ? adamWUpdate : adamUpdate
      rule(
        parameters.values.baseAddress! + start, parameters.gradients.baseAddress! + start,
        m.baseAddress! + start, v.baseAddress! + start, run.range.count,
        AdamWStep(
          lr: lr, beta1: settings.beta1, beta2: settings.beta2, eps: settings.eps, weightDecay: decay,
          gradientScale: gradientScale, step: step))
    }
  }

  private static func runs(of arena: ParameterArena) -> [(range: Range<Int>, decays: Bool)] {
    var runs: [(range: Range<Int>, decays: Bool)] = []
    for parameter in arena.parameters where parameter.isTrainable {
      if let last = runs.last, last.decays == parameter.decays {
        runs[runs.count - 1].range = last.range.lowerBound..<parameter.end
      } else {
        runs.append((parameter.offset..<parameter.end, parameter.decays))
      }
    }
    return runs
  }
}
