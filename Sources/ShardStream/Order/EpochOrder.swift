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
  /// same window of the lane's segment.
  package func place(lane: Int, index: Int) -> Int {
    let number = index / windowSize
    let range = window(lane: lane, number: number)
    let permutation = permutation(count: range.count, lane: lane, window: number)
    return range.lowerBound + permutation(index - number * windowSize)
  }

  private func permutation(count: Int, lane: Int, window: Int) -> KeyedPermutation {
    let key = Hashing.combine(
      seed, UInt64(epoch), DrawPurpose.window.rawValue, UInt64(component), UInt64(lane), UInt64(window))
    return KeyedPermutation(count: count, key: key)
  }

  /// The sample at a place of the sequence of permuted shards.
  package func draw(place: Int) -> SampleDraw {
    let sample = numbering.sample(place)
    return SampleDraw(
      component: component, epoch: epoch, shard: shards[sample.shard], ordinal: sample.index)
  }
}

/// What tests of the order look at.
extension EpochOrder {
  /// How many windows the lane's segment has.
  func windowCount(lane: Int) -> Int { (count(lane: lane) + windowSize - 1) / windowSize }

  /// Where a window of the lane lies in the sequence of permuted shards; a segment's last one may be shorter.
  func window(lane: Int, number: Int) -> Range<Int> {
    let segment = rule.segment(lane: lane, epoch: epoch)
    let start = segment.lowerBound + number * windowSize
    precondition(number >= 0 && start < segment.upperBound)
    return start..<min(start + windowSize, segment.upperBound)
  }

  /// The places within a window, in the order in which the lane takes them.
  func permutation(lane: Int, window number: Int) -> [Int] {
    let count = window(lane: lane, number: number).count
    let permutation = permutation(count: count, lane: lane, window: number)
    return (0..<count).map { permutation($0) }
  }

  /// The component's shards, by their place in its list, in this epoch's order.
  var shardOrder: [Int] { numbering.shardOrder }

  /// The shards in a part of the sequence, and how many samples of each lie there.
  func shardSizes(in places: Range<Int>) -> [(shard: Int, samples: Int)] {
    var found: [(shard: Int, samples: Int)] = []
    var place = places.lowerBound
    while place < places.upperBound {
      let (shard, end) = numbering.shard(at: place)
      found.append((shards[shard], min(end, places.upperBound) - place))
      place = end
    }
    return found
  }
}

extension SeededGenerator {
  /// Uniform in 0..<bound by the high half of a product; the bias is below bound / 2^64.
  mutating func nextIndex(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}
