import Kernels

/// Batch norm over the rows of a map (Ioffe & Szegedy 2015), as torch.nn.BatchNorm2d: eps 1e-5, momentum 0.1.
///
/// While it trains it norms by the batch's statistics, of all ranks where the pass can sum over them, and its running
/// ones follow. In inference, and always when it is frozen, it norms by the running ones, which then stay.
final class BatchNorm<S: ComputeScalar> {
  /// What forward leaves for backward, beside the input.
  struct Saved {
    var moments: BatchMoments
    var statistics: MomentsGradient
  }

  let width: Int
  private let gain: Parameter
  private let bias: Parameter
  private let runningMean: Parameter
  private let runningVariance: Parameter
  /// Batches seen, as torch counts them.
  private let batchCount: Parameter
  private let eps: Float = 1e-5
  private let momentum: Float = 0.1

  init(_ registry: ParameterRegistry, name: String, width: Int, gain: Float = 1) {
    self.width = width
    self.gain = registry.add("\(name).weight", [width], decays: false, .constant(gain))
    bias = registry.add("\(name).bias", [width], decays: false, .constant(0))
    runningMean = registry.addStatistic("\(name).running_mean", [width], startingAt: 0)
    runningVariance = registry.addStatistic("\(name).running_var", [width], startingAt: 1)
    batchCount = registry.addStatistic("\(name).num_batches_tracked", [], startingAt: 0)
  }

  /// The pass norms by the statistics of its own rows.
  func usesBatch(_ pass: TowerPass) -> Bool { gain.isTrainable && pass.mode != .inference }

  /// The statistics that the pass norms by; in a training pass the running ones follow.
  ///
  /// - Parameter sums: over the rows of x, where they are there already.
  func statistics(
    _ x: UnsafePointer<S>, sums: ColumnMoments?, rows: Int, _ pass: TowerPass
  ) throws -> Saved {
    guard usesBatch(pass) else {
      let stored = storedMoments(
        mean: runningMean.value, variance: runningVariance.value, columns: width, eps: eps, arena: pass.arena)
      return Saved(moments: stored, statistics: .none)
    }
    let (ranks, arena) = (pass.sumOverRanks, pass.arena)
    let moments =
      if let sums {
        try batchMoments(sums, columns: width, eps: eps, sumOverRanks: ranks, arena: arena)
      } else {
        try batchMoments(x, rows: rows, columns: width, eps: eps, sumOverRanks: ranks, arena: arena)
      }
    if pass.isTraining {
      updateRunningStatistics(
        mean: runningMean.value, variance: runningVariance.value, with: moments, columns: width,
        momentum: momentum)
      batchCount.value.pointee += 1
    }
    return Saved(moments: moments, statistics: .batch(pass.sumOverRanks))
  }

  /// y[R, C] = the normed x, plus a residual, through the ReLU if there is one.
  func forward(
    _ x: UnsafePointer<S>, residual: UnsafePointer<S>?, _ saved: Saved, relu: Bool,
    into y: UnsafeMutablePointer<S>, rows: Int, arena: Arena
  ) {
    batchNormForward(
      x, residual: residual, moments: saved.moments, gain: gain.value, bias: bias.value, relu: relu, into: y,
      rows: rows, columns: width, arena: arena)
  }

  /// What gives dX from dY[R, C], which goes through the backward of the ReLU with the result `relu` first, in place; the
  /// gradients of gain and bias accumulate (+=).
  func gradient(
    _ dy: UnsafeMutablePointer<S>, relu y: UnsafePointer<S>?, input x: UnsafePointer<S>, _ saved: Saved,
    rows: Int, arena: Arena
  ) throws -> NormGradient {
    try batchNormGradient(
      dy, relu: y, x: x, moments: saved.moments, through: saved.statistics, gain: gain.value,
      dGain: gain.gradient, dBias: bias.gradient, rows: rows, columns: width, arena: arena)
  }
}
