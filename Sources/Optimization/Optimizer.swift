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
  /// Whether a tensor's rate is divided by the root mean square of its g²/v̂ where that is above 1 (Wortsman et al. 2023,
  /// StableAdamW): its update is then no larger than usual when gradients grow faster than the moment follows.
  package var clipsUpdates = false

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
  /// Elements of each trained parameter.
  private let trainedCounts: [Int]
  /// Runs of neighbouring elements that are treated alike, each within one range of the share.
  private let runs: [Run]

  private struct Run {
    var range: Range<Int>
    let decays: Bool
    /// From an element's place in the arena to that of its moments.
    let shift: Int
    /// Among those that are trained, in the arena's order; only told apart where updates are clipped.
    let parameter: Int
  }

  /// Σ g²/max(v̂, ε²) of each trained parameter over what is updated here, for the update to come. With a share, to be
  /// added up over the ranks before the update.
  package let ratioSums: UnsafeMutableBufferPointer<Double>

  package init(_ parameters: ParameterArena, settings: OptimizerSettings, share: [Range<Int>]? = nil) {
    (self.parameters, self.settings, self.share) = (parameters, settings, share)
    trainedCounts = parameters.parameters.filter(\.isTrainable).map(\.count)
    let owned = share ?? [0..<parameters.trainedCount]
    let count = owned.reduce(0) { $0 + $1.count }
    (m, v) = (hugePages(count), hugePages(count))
    runs = Self.runs(of: parameters, owned, areApart: settings.clipsUpdates)
    ratioSums = .allocate(
      capacity: settings.clipsUpdates ? parameters.parameters.count(where: \.isTrainable) : 0)
    ratioSums.initialize(repeating: 0)
  }

  deinit {
    releasePages(m)
    releasePages(v)
    ratioSums.deallocate()
  }

  /// One update of every parameter from the arena's gradients, each times `gradientScale`.
  package func update(lr: Double, gradientScale: Double = 1) {
    step += 1
    sumRatios(gradientScale: gradientScale)
    update(0..<parameters.trainedCount, lr: lr, gradientScale: gradientScale)
  }

  /// Fills `ratioSums` for update `step`; does nothing where updates are not clipped.
  package func sumRatios(gradientScale: Double) {
    guard settings.clipsUpdates else { return }
    let span = Phase.update.begin()
    defer { span.end() }
    ratioSums.update(repeating: 0)
    let rule = rule(lr: 0, decays: false, gradientScale)
    for run in runs {
      let start = run.range.lowerBound
      ratioSums[run.parameter] += updateRatioSum(
        gradients: parameters.gradients.baseAddress! + start, v: v.baseAddress! + start - run.shift,
        count: run.range.count, rule)
    }
  }

  /// The part of update `step` that lies in `range`; the caller counts the steps.
  package func update(_ range: Range<Int>, lr: Double, gradientScale: Double) {
    let span = Phase.update.begin()
    defer { span.end() }
    let update = settings.kind == .adamW ? adamWUpdate : adamUpdate
    for run in runs {
      let part = run.range.clamped(to: range)
      guard !part.isEmpty else { continue }
      let start = part.lowerBound
      update(
        parameters.values.baseAddress! + start, parameters.gradients.baseAddress! + start,
        m.baseAddress! + start - run.shift, v.baseAddress! + start - run.shift, part.count,
        rule(lr: lr * rateFactor(run), decays: run.decays, gradientScale))
    }
  }

  private func rule(lr: Double, decays: Bool, _ gradientScale: Double) -> AdamWStep {
    AdamWStep(
      lr: lr, beta1: settings.beta1, beta2: settings.beta2, eps: settings.eps,
      weightDecay: decays ? settings.weightDecay : 0, gradientScale: gradientScale, step: step)
  }

  private func rateFactor(_ run: Run) -> Double {
    guard settings.clipsUpdates else { return 1 }
    let mean = ratioSums[run.parameter] / Double(trainedCounts[run.parameter])
    return 1 / max(1, mean.squareRoot())
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

  private static func runs(of arena: ParameterArena, _ owned: [Range<Int>], areApart: Bool) -> [Run] {
    let alikes = alikeRuns(of: arena, areApart: areApart)
    var runs: [Run] = []
    var shift = 0
    var end = 0
    for range in owned {
      shift += range.lowerBound - end
      end = range.upperBound
      for (index, alike) in alikes.enumerated() {
        let part = alike.range.clamped(to: range)
        guard !part.isEmpty else { continue }
        runs.append(Run(range: part, decays: alike.decays, shift: shift, parameter: index))
      }
    }
    return runs
  }

  private static func alikeRuns(
    of arena: ParameterArena, areApart: Bool
  ) -> [(range: Range<Int>, decays: Bool)] {
    var runs: [(range: Range<Int>, decays: Bool)] = []
    for parameter in arena.parameters where parameter.isTrainable {
      if !areApart, let last = runs.last, last.decays == parameter.decays {
        runs[runs.count - 1].range = last.range.lowerBound..<parameter.end
      } else {
        runs.append((parameter.offset..<parameter.end, parameter.decays))
      }
    }
    return runs
  }
}
