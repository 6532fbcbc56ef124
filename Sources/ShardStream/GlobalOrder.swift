import Basics

/// The order in which a run sees its samples: a pure function of (seed, shard sizes, batch size).
///
/// Shape letters: T samples in all, B samples in a global batch, C canonical streams, W shuffle window.
///
/// - In each epoch the shards are permuted and laid end to end; the T samples are cut into C segments of
///   equal length (± 1), one a stream, so that uneven shards never matter.
/// - Each stream shuffles within consecutive windows of W samples, and so reads only a few shards at a time.
/// - Batch k takes B/C samples from each stream: slot j comes from stream j·C/B. A rank's slice of
///   consecutive slots then touches few streams, and the global batch does not depend on the rank count.
/// - floor(floor(T/C) / (B/C)) batches make an epoch. Fewer than B + C samples are left out, other ones in
///   each epoch (but for a single shard with W = 1, which has only one order).
///
/// The whole state of the stream is the number of steps taken.
package struct GlobalOrder: Sendable {
  package let seed: UInt64
  package let globalBatchSize: Int
  package let canonicalStreams: Int
  package let shuffleWindow: Int
  /// T.
  package let sampleCount: Int
  package let stepsPerEpoch: Int
  let shardSampleCounts: [Int]
  /// The samples in the order of the list, for draws from all of them.
  let natural: SampleNumbering

  package init(
    seed: UInt64, shardSampleCounts: [Int], globalBatchSize: Int, canonicalStreams: Int, shuffleWindow: Int
  ) throws {
    try Self.check(globalBatchSize, canonicalStreams, shuffleWindow)
    let natural = SampleNumbering(shardSampleCounts: shardSampleCounts)
    guard natural.count >= globalBatchSize else {
      throw KelipError(
        "the shards hold \(natural.count) samples, fewer than one global batch of \(globalBatchSize)",
        at: "data.global_batch_size", hint: "give more shards or a smaller global batch")
    }
    self.seed = seed
    self.globalBatchSize = globalBatchSize
    self.canonicalStreams = canonicalStreams
    self.shuffleWindow = shuffleWindow
    self.shardSampleCounts = shardSampleCounts
    self.natural = natural
    self.sampleCount = natural.count
    stepsPerEpoch = natural.count / canonicalStreams / (globalBatchSize / canonicalStreams)
  }

  private static func check(_ batchSize: Int, _ streams: Int, _ window: Int) throws {
    guard batchSize > 0 else {
      throw KelipError(
        "the global batch size is \(batchSize)", at: "data.global_batch_size", hint: "at least 1")
    }
    guard streams > 0, batchSize.isMultiple(of: streams) else {
      let divisors = divisors(batchSize).map(String.init).joined(separator: ", ")
      throw KelipError(
        "\(streams) canonical streams do not divide the global batch size \(batchSize)",
        at: "data.canonical_streams", hint: "choose one of \(divisors)")
    }
    guard window > 0 else {
      throw KelipError(
        "the shuffle window is \(window)", at: "data.shuffle_window", hint: "1 or more samples")
    }
  }

  private static func divisors(_ number: Int) -> [Int] {
    (1...number).filter(number.isMultiple(of:))
  }

  /// The largest number of streams up to 16 that divides the global batch size.
  package static func defaultStreams(_ globalBatchSize: Int) -> Int {
    (1...16).last { globalBatchSize.isMultiple(of: $0) }!
  }

  /// Where the batch of the step with this number (from 0 on, over all epochs) lies.
  package func position(step: Int) -> (epoch: Int, batch: Int) {
    precondition(step >= 0)
    return (step / stepsPerEpoch, step % stepsPerEpoch)
  }

  /// The order of one epoch; costs a pass over the shards, so keep it while the epoch lasts.
  package func epoch(_ epoch: Int) -> EpochOrder { EpochOrder(self, epoch: epoch) }

  /// The sample in slot `slot` of batch `batch`. For more than one, ask `epoch(_:)` once.
  package func sample(epoch: Int, batch: Int, slot: Int) -> SampleID {
    self.epoch(epoch).sample(batch: batch, slot: slot)
  }
}
