import Kernels
import Towers

/// AdamW's constants (Loshchilov & Hutter 2019), in torch.optim.AdamW's terms.
package struct AdamWSettings: Sendable, Equatable {
  package var beta1: Double
  package var beta2: Double
  package var eps: Double
  package var weightDecay: Double

  package init(beta1: Double = 0.9, beta2: Double = 0.98, eps: Double = 1e-6, weightDecay: Double = 0.2) {
    (self.beta1, self.beta2, self.eps, self.weightDecay) = (beta1, beta2, eps, weightDecay)
  }
}

/// The optimizer's state over what is trained of a parameter arena: both moments in the arena's layout.
package final class AdamW {
  package let settings: AdamWSettings
  /// First and second moments; a parameter's are at its `offset`.
  package let m: UnsafeMutableBufferPointer<Float>
  package let v: UnsafeMutableBufferPointer<Float>
  /// Updates done; 0 before the first.
  package var step = 0
  private let parameters: ParameterArena
  /// Runs of neighbouring parameters that are treated alike.
  private let runs: [(range: Range<Int>, decays: Bool)]

  package init(_ parameters: ParameterArena, settings: AdamWSettings) {
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
    step += 1
    for run in runs {
      let decay = run.decays ? settings.weightDecay : 0
      let start = run.range.lowerBound
      adamWUpdate(
        parameters.values.baseAddress! + start, gradients: parameters.gradients.baseAddress! + start,
        m: m.baseAddress! + start, v: v.baseAddress! + start, count: run.range.count,
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
