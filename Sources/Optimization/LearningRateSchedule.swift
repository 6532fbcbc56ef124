#if canImport(Glibc)
  import Glibc
#endif

/// The learning rate of each update, counted from 0.
package enum LearningRateSchedule: Sendable, Equatable {
  /// Linear warm-up to `lr`, then a half cosine to `minLR` at `steps`: open_clip's `cosine_lr`.
  case warmupCosine(lr: Double, warmup: Int, steps: Int, minLR: Double = 0)
  /// torch's CosineAnnealingLR that is stepped once an epoch: from `lr` to `minLR` in `tMaxEpochs`, and up again
  /// after. Linear warm-up, of which torch has none, keeps the rate below its own line.
  case cosineAnnealing(
    lr: Double, warmup: Int = 0, tMaxEpochs: Double, stepsPerEpoch: Double, minLR: Double = 0)
  /// Linear warm-up to `lr`, which then stays.
  case constant(lr: Double, warmup: Int = 0)

  package func rate(at index: Int) -> Double {
    switch self {
    case .warmupCosine(let lr, let warmup, let steps, let minLR):
      if index < warmup { return Self.line(lr, warmup, index) }
      guard steps > warmup else { return lr }
      let progress = Double(index - warmup) / Double(steps - warmup)
      return Self.halfCosine(from: lr, to: minLR, at: min(1, progress))
    case .cosineAnnealing(let lr, let warmup, let tMaxEpochs, let stepsPerEpoch, let minLR):
      // A quotient just under a whole number is that number: an epoch of 10/3 steps ends three times in ten steps.
      let epoch = (Double(index) / stepsPerEpoch + 1e-9).rounded(.down)
      let annealed = Self.halfCosine(from: lr, to: minLR, at: epoch / tMaxEpochs)
      return index < warmup ? min(annealed, Self.line(lr, warmup, index)) : annealed
    case .constant(let lr, let warmup):
      return index < warmup ? Self.line(lr, warmup, index) : lr
    }
  }

  private static func line(_ lr: Double, _ warmup: Int, _ index: Int) -> Double {
    lr * Double(index + 1) / Double(warmup)
  }

  /// `start` at progress 0, `end` at 1.
  private static func halfCosine(from start: Double, to end: Double, at progress: Double) -> Double {
    end + 0.5 * (1 + cos(.pi * progress)) * (start - end)
  }
}
