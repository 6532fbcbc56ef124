import Configuration
import Optimization

/// `optimizer.schedule` and its numbers. The schedule itself needs the length of an epoch, which only the data tell.
package struct ScheduleSettings: Sendable, Equatable {
  /// Values of `optimizer.schedule`.
  package enum Kind: String, CaseIterable, Sendable {
    case warmupCosine = "warmup_cosine"
    case cosineAnnealing = "cosine_annealing"
    case constant
  }

  package var kind: Kind
  /// `optimizer.lr`.
  package var lr: Double
  /// `optimizer.warmup`, in steps.
  package var warmup: Int
  /// `optimizer.steps`.
  package var steps: Int
  /// `optimizer.t_max_epochs`; nil for the whole run.
  package var tMaxEpochs: Double?
  /// `optimizer.min_lr`.
  package var minLR: Double

  /// What is not given is the field's: a warm-up of `warmup` steps, then a half cosine to 0.
  package init(
    kind: Kind = .warmupCosine, lr: Double, warmup: Int, steps: Int, tMaxEpochs: Double? = nil,
    minLR: Double = 0
  ) {
    (self.kind, self.lr, self.warmup, self.steps) = (kind, lr, warmup, steps)
    (self.tMaxEpochs, self.minLR) = (tMaxEpochs, minLR)
  }

  init(_ reader: ConfigReader, steps: Int) throws {
    self.steps = steps
    kind = try reader.choice("optimizer.schedule", default: .warmupCosine)
    lr = try reader.number("optimizer.lr", default: 5e-4, in: 0...1e3)
    // The field's 2,000 steps, and a tenth of a run too short for them; none with torch's annealing, which has none.
    let usual = kind == .cosineAnnealing ? 0 : min(2000, steps / 10)
    warmup = try reader.integer("optimizer.warmup", default: usual, in: 0...Int.max)
    tMaxEpochs = try reader.optionalNumber("optimizer.t_max_epochs", in: 1e-6...1e9)
    minLR = try reader.number("optimizer.min_lr", default: 0, in: 0...1e3)
    if tMaxEpochs != nil && kind != .cosineAnnealing {
      throw reader.fault(
        "optimizer.t_max_epochs", "means nothing with the schedule \(kind.rawValue)",
        hint: "leave it out, or set optimizer.schedule to cosine_annealing")
    }
    if minLR > lr {
      throw reader.fault("optimizer.min_lr", "must be at most optimizer.lr, \(lr), is \(minLR)")
    }
  }

  /// - Parameter stepsPerEpoch: the steps, fractions included, in which the run sees as many pairs as there are.
  package func schedule(stepsPerEpoch: Double) -> LearningRateSchedule {
    switch kind {
    case .warmupCosine: .warmupCosine(lr: lr, warmup: warmup, steps: steps, minLR: minLR)
    case .cosineAnnealing:
      .cosineAnnealing(
        lr: lr, warmup: warmup, tMaxEpochs: tMaxEpochs ?? Double(steps) / stepsPerEpoch,
        stepsPerEpoch: stepsPerEpoch, minLR: minLR)
    case .constant: .constant(lr: lr, warmup: warmup)
    }
  }
}

extension OptimizerSettings {
  /// `optimizer.kind`, `beta1`, `beta2`, `eps`, `weight_decay` and `update_clipping`.
  init(_ reader: ConfigReader) throws {
    let kind: OptimizerKind = try reader.choice("optimizer.kind", default: .adamW)
    let usual = OptimizerSettings(kind: kind)
    let unit = 0.0...0.999_999_999
    self.init(
      kind: kind,
      beta1: try reader.number("optimizer.beta1", default: usual.beta1, in: unit),
      beta2: try reader.number("optimizer.beta2", default: usual.beta2, in: unit),
      eps: try reader.number("optimizer.eps", default: usual.eps, in: 0...1),
      weightDecay: try reader.number("optimizer.weight_decay", default: usual.weightDecay, in: 0...1e3))
    clipsUpdates = try reader.bool("optimizer.update_clipping", default: false)
  }
}
