import Basics

/// One epoch of one component of a `GlobalOrder`: its permuted shards, and from there everything by arithmetic.
package struct EpochOrder: Sendable {
  package let component: Int
  package let epoch: Int
  package let lanes: Int
  private let shards: [Int]
  private let numbering: SampleNumbering
  private let rule: LaneEpochs
  private let windowSize: Int
  private let seed: UInt64

  init(_ order: GlobalOrder, component: Int, epoch: Int) {
    precondition(epoch >= 0)
    self.component = component
    self.epoch = epoch
    lanes = order.canonicalStreams
    seed = order.seed
    windowSize = order.shuffleWindow
    rule = order.rules[component]
    shards = order.components[component].shards
    let counts = order.components[component].counts
    let seed = Hashing.combine(
      order.seed, UInt64(epoch), DrawPurpose.shardOrder.rawValue, UInt64(component))
    numbering = SampleNumbering(
      shardSampleCounts: counts, order: Self.permutation(counts.count, seed: seed))
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

  /// How many samples the lane takes in this epoch.
  package func count(lane: Int) -> Int { rule.segment(lane: lane, epoch: epoch).count }

  /// The sample that the lane takes with number `ordinal`, counted over all epochs; it must be of this one.
  func draw(lane: Int, ordinal: Int) -> SampleDraw {
    draw(place: place(lane: lane, index: ordinal - rule.start(lane: lane, epoch: epoch)))
  }

  /// Where the lane's sample `index` of this epoch stands in the sequence of permuted shards, 0..<T: within the
  /// same window of the lane's segment. The last window of a segment may be shorter.
  package func place(lane: Int, index: Int) -> Int {
    let segment = rule.segment(lane: lane, epoch: epoch)
    precondition((0..<segment.count).contains(index))
    let number = index / windowSize
    let start = number * windowSize
    let key = Hashing.combine(
      seed, UInt64(epoch), DrawPurpose.window.rawValue, UInt64(component), UInt64(lane), UInt64(number))
    let permutation = KeyedPermutation(count: min(windowSize, segment.count - start), key: key)
    return segment.lowerBound + start + permutation(index - start)
  }

  /// The sample at a place of the sequence of permuted shards.
  package func draw(place: Int) -> SampleDraw {
    let sample = numbering.sample(place)
    return SampleDraw(
      component: component, epoch: epoch, shard: shards[sample.shard], ordinal: sample.index)
  }
}

extension SeededGenerator {
  /// Uniform in 0..<bound by the high half of a product; the bias is below bound / 2^64.
  mutating func nextIndex(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}
