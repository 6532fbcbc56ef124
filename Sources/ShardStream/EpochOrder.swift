import Basics

/// One epoch of a `GlobalOrder`: the permuted shards, and from there everything by arithmetic.
package struct EpochOrder: Sendable {
  package let epoch: Int
  private let numbering: SampleNumbering
  private let seed: UInt64
  private let streams: Int
  /// B/C.
  private let batchPerStream: Int
  private let window: Int
  private let stepsPerEpoch: Int

  init(_ order: GlobalOrder, epoch: Int) {
    precondition(epoch >= 0)
    self.epoch = epoch
    seed = order.seed
    streams = order.canonicalStreams
    batchPerStream = order.globalBatchSize / order.canonicalStreams
    window = order.shuffleWindow
    stepsPerEpoch = order.stepsPerEpoch
    let seed = Hashing.combine(order.seed, UInt64(epoch), DrawPurpose.shardOrder.rawValue)
    numbering = SampleNumbering(
      shardSampleCounts: order.shardSampleCounts,
      order: Self.permutation(order.shardSampleCounts.count, seed: seed))
  }

  /// Fisher and Yates's shuffle (Durstenfeld 1964) of 0..<count.
  private static func permutation(_ count: Int, seed: UInt64) -> [UInt32] {
    var generator = SeededGenerator(seed: seed)
    var order = (0..<UInt32(count)).map(\.self)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, generator.nextIndex(below: last + 1))
    }
    return order
  }

  package func sample(batch: Int, slot: Int) -> SampleID {
    precondition((0..<stepsPerEpoch).contains(batch) && (0..<batchPerStream * streams).contains(slot))
    let stream = slot / batchPerStream
    let segment = segment(stream)
    let place = shuffled(batch * batchPerStream + slot % batchPerStream, in: segment.count, stream: stream)
    return numbering.sample(segment.lowerBound + place)
  }

  /// Stream s holds the samples s·T/C ..< (s+1)·T/C of the epoch's sequence.
  private func segment(_ stream: Int) -> Range<Int> {
    let total = numbering.count
    return (stream * total / streams)..<((stream + 1) * total / streams)
  }

  /// Permutes `position` within its window; the last window of a segment may be shorter.
  private func shuffled(_ position: Int, in length: Int, stream: Int) -> Int {
    let number = position / window
    let start = number * window
    let key = Hashing.combine(
      seed, UInt64(epoch), DrawPurpose.window.rawValue, UInt64(stream), UInt64(number))
    let permutation = KeyedPermutation(count: min(window, length - start), key: key)
    return start + permutation(position - start)
  }
}

extension SeededGenerator {
  /// Uniform in 0..<bound by the high half of a product; the bias is below bound / 2^64.
  mutating func nextIndex(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}
