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

/// The optimizer's state over what is trained of a parameter arena, or over this rank's share of it (Rajbhandari et al.
/// 2020, ZeRO, stage 1): both moments in the arena's layout, without what belongs to others.
package final class Optimizer {
  package let settings: OptimizerSettings
  /// First and second moments. Without a share, a parameter's are at its `offset`.
  package let m: UnsafeMutableBufferPointer<Float>
  package let v: UnsafeMutableBufferPointer<Float>
  /// Updates done; 0 before the first.
  package var step = 0
  /// The elements of the arena that are updated here, ascending; nil for all that is trained.
  package let share: [Range<Int>]?
  private let parameters: ParameterArena
  /// Runs of neighbouring elements that are treated alike, each within one range of the share.
  private let runs: [Run]

  private struct Run {
    var range: Range<Int>
    let decays: Bool
    /// From an element's place in the arena to that of its moments.
    let shift: Int
  }

  package init(_ parameters: ParameterArena, settings: OptimizerSettings, share: [Range<Int>]? = nil) {
    (self.parameters, self.settings, self.share) = (parameters, settings, share)
    let owned = share ?? [0..<parameters.trainedCount]
    let count = owned.reduce(0) { $0 + $1.count }
    (m, v) = (hugePages(count), hugePages(count))
    runs = Self.runs(of: parameters, owned)
  }

  deinit {
    releasePages(m)
    releasePages(v)
  }

  /// One update of every parameter from the arena's gradients, each times `gradientScale`.
  package func update(lr: Double, gradientScale: Double = 1) {
    step += 1
    update(0..<parameters.trainedCount, lr: lr, gradientScale: gradientScale)
  }

  /// The part of update `step` that lies in `range`; the caller counts the steps.
  package func update(_ range: Range<Int>, lr: Double, gradientScale: Double) {
    let span = Phase.update.begin()
    defer { span.end() }
    let rule = settings.kind == .adamW ? adamWUpdate : adamUpdate
    for run in runs {
      let part = run.range.clamped(to: range)
      guard !part.isEmpty else { continue }
      let start = part.lowerBound
      rule(
        parameters.values.baseAddress! + start, parameters.gradients.baseAddress! + start,
        m.baseAddress! + start - run.shift, v.baseAddress! + start - run.shift, part.count,
        AdamWStep(
          lr: lr, beta1: settings.beta1, beta2: settings.beta2, eps: settings.eps,
          weightDecay: run.decays ? settings.weightDecay : 0, gradientScale: gradientScale, step: step))
    }
  }

  /// Runs `body` on every stretch of `range` whose moments are here: its elements, and their place in `m` and `v`.
  package func forEachOwned(in range: Range<Int>, _ body: (_ part: Range<Int>, _ place: Int) throws -> Void)
    rethrows
  {
    for run in runs {
      let part = run.range.clamped(to: range)
      if !part.isEmpty { try body(part, part.lowerBound - run.shift) }
    }
  }

  private static func runs(of arena: ParameterArena, _ owned: [Range<Int>]) -> [Run] {
    let alikes = alikeRuns(of: arena)
    var runs: [Run] = []
    var shift = 0
    var end = 0
    for range in owned {
      shift += range.lowerBound - end
      end = range.upperBound
      for alike in alikes {
        let part = alike.range.clamped(to: range)
        if !part.isEmpty { runs.append(Run(range: part, decays: alike.decays, shift: shift)) }
      }
    }
    return runs
  }

  private static func alikeRuns(of arena: ParameterArena) -> [(range: Range<Int>, decays: Bool)] {
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
