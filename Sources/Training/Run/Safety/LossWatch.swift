import Basics

/// Notices when training has gone wrong: updates that cannot be applied, several in a row, or a loss that stays far above
/// what it was. Loss and norm are equal on all ranks, so all come to the same verdict at the same step; its state is kept
/// in checkpoints, so a resumed run does too.
///
/// A loss is high where it exceeds the mean of the losses before by more than so many mean absolute deviations. Both are
/// exponential averages over about 100 steps, high ones left out, and mean nothing before 100 steps.
struct LossWatch: Codable, Sendable, Equatable {
  /// What is told of a run that has gone wrong.
  struct Fault: Error, Equatable {
    var reason: String
    /// The first step of the trouble, and the last.
    var first: Int
    var last: Int
  }

  /// Losses in the averages.
  private var count = 0
  private var mean = 0.0
  private var deviation = 0.0
  /// The first of the steps in a row that were not applied, or whose loss is high.
  private var skippedSince: Int?
  private var highSince: Int?

  private static let span = 100

  init() {}

  /// - Parameters:
  ///   - step: of the run, counted from 1.
  ///   - updated: false where loss or gradient were not finite.
  mutating func note(step: Int, loss: Double, updated: Bool, _ settings: SafetySettings) -> Fault? {
    guard updated else {
      skippedSince = skippedSince ?? step
      return fault(skippedSince!, step, settings.maxSkippedUpdates, "loss or gradient were not finite")
    }
    skippedSince = nil
    guard let limit = settings.spikeDeviations, count >= Self.span, loss > mean + limit * deviation else {
      highSince = nil
      add(loss)
      return nil
    }
    highSince = highSince ?? step
    let mean = mean
    return fault(
      highSince!, step, settings.spikeSteps, "the loss, \(loss) now, was far above its mean of \(mean)")
  }

  private func fault(_ first: Int, _ last: Int, _ limit: Int, _ reason: String) -> Fault? {
    guard last - first + 1 >= limit else { return nil }
    return Fault(reason: "\(reason) for \(last - first + 1) steps in a row", first: first, last: last)
  }

  private mutating func add(_ loss: Double) {
    count += 1
    let weight = 1 / Double(min(count, Self.span))
    deviation += weight * (abs(loss - mean) - deviation)
    mean += weight * (loss - mean)
    // The first loss says nothing of how losses scatter.
    if count == 1 { deviation = 0 }
  }
}
