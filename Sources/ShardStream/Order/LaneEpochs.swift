/// Where the epochs of C lanes begin that together go through T samples again and again, with no remainder.
///
/// Lane s has finished E(s, e) = ⌊(e·T + s)/C⌋ samples before epoch e. By Hermite's identity the lanes' samples
/// in an epoch add up to T, and at no epoch's end is a lane more than one sample ahead of another.
struct LaneEpochs: Sendable {
  /// T.
  let sampleCount: Int
  /// C.
  let laneCount: Int

  init(sampleCount: Int, laneCount: Int) {
    precondition(sampleCount > 0 && laneCount > 0)
    self.sampleCount = sampleCount
    self.laneCount = laneCount
  }

  /// E(s, e): the samples that lane `lane` takes before epoch `epoch`.
  func start(lane: Int, epoch: Int) -> Int {
    precondition((0..<laneCount).contains(lane) && epoch >= 0)
    return (epoch * sampleCount + lane) / laneCount
  }

  /// The epoch that the lane's sample with this number (from 0 on, over all epochs) belongs to: the largest e
  /// with E(s, e) ≤ o, which is ⌈((o + 1)·C − s)/T⌉ − 1.
  func epoch(lane: Int, ordinal: Int) -> Int {
    precondition((0..<laneCount).contains(lane) && ordinal >= 0)
    return ((ordinal + 1) * laneCount - lane - 1) / sampleCount
  }

  /// The lane's part of the epoch's sequence of T samples; the lanes' parts lie end to end.
  func segment(lane: Int, epoch: Int) -> Range<Int> {
    let start = taken(byLanesBefore: lane, until: epoch + 1) - taken(byLanesBefore: lane, until: epoch)
    return start..<(start + self.start(lane: lane, epoch: epoch + 1) - self.start(lane: lane, epoch: epoch))
  }

  /// Σ E(s', e) over s' < s: with e·T = q·C + r, lane s' has taken q samples, and one more where r + s' ≥ C.
  private func taken(byLanesBefore lane: Int, until epoch: Int) -> Int {
    let (each, rest) = (epoch * sampleCount).quotientAndRemainder(dividingBy: laneCount)
    return lane * each + max(0, rest + lane - laneCount)
  }
}
