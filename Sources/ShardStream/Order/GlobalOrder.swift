import Basics

/// The order in which a run sees its samples: a pure function of (seed, components, batch size, lanes, window).
///
/// Shape letters: B samples in a global batch, C lanes (canonical streams), W shuffle window; T samples of a
/// component.
///
/// - Slot j of batch k is place n = k·B/C + j mod B/C of lane j·C/B. A rank's slice of consecutive slots touches
///   few lanes, and the global batch does not depend on the number of ranks.
/// - `MixtureSplit` says which component a place takes, and thus which of the component's samples in this lane
///   (its ordinal o) is next.
/// - `LaneEpochs` says which epoch of the component that is, and which part of the epoch is the lane's. Epochs
///   follow one another without a gap: each sample stands in each epoch once, and the batch at a boundary holds
///   the last samples of one epoch and the first of the next. There a pair may meet itself: of x and B − x
///   samples of the two epochs, x·(B − x)/T on average.
/// - In each epoch the component's shards are permuted and laid end to end; lanes take equal parts (± 1), so
///   that uneven shards never matter, and shuffle them within consecutive windows of W samples, and so read only
///   a few shards at a time.
///
/// The whole state of the stream is the number of steps taken.
package struct GlobalOrder: Sendable {
  package let seed: UInt64
  package let components: [MixtureComponent]
  package let globalBatchSize: Int
  package let canonicalStreams: Int
  package let shuffleWindow: Int
  /// Of all components together.
  package let sampleCount: Int
  let split: MixtureSplit
  let rules: [LaneEpochs]
  /// Each component's samples in the order of the list, for draws from all of them.
  private let natural: [SampleNumbering]

  package init(
    seed: UInt64, components: [MixtureComponent], globalBatchSize: Int, canonicalStreams: Int,
    shuffleWindow: Int
  ) throws {
    try Self.check(globalBatchSize, canonicalStreams, shuffleWindow)
    try Self.check(components, globalBatchSize)
    self.seed = seed
    self.components = components
    self.globalBatchSize = globalBatchSize
    self.canonicalStreams = canonicalStreams
    self.shuffleWindow = shuffleWindow
    sampleCount = components.reduce(0) { $0 + $1.sampleCount }
    split = MixtureSplit(weights: components.map(\.weight), laneCount: canonicalStreams)
    rules = components.map { LaneEpochs(sampleCount: $0.sampleCount, laneCount: canonicalStreams) }
    natural = components.map { SampleNumbering(shardSampleCounts: $0.counts) }
  }

  /// All samples of all shards alike.
  package init(
    seed: UInt64, shardSampleCounts: [Int], globalBatchSize: Int, canonicalStreams: Int, shuffleWindow: Int
  ) throws {
    let all = MixtureComponent(shards: Array(shardSampleCounts.indices), counts: shardSampleCounts)
    try self.init(
      seed: seed, components: [all], globalBatchSize: globalBatchSize, canonicalStreams: canonicalStreams,
      shuffleWindow: shuffleWindow)
  }

  /// A global batch's length measured in epochs' lengths: the number of steps that sees `sampleCount` samples.
  package var stepsPerEpoch: Double { Double(sampleCount) / Double(globalBatchSize) }

  /// More steps than this cannot be counted.
  package var largestStep: Int { (Int.max - 2 * sampleCount) / globalBatchSize - 2 }

  /// How often the batches before this step have gone through as many samples as there are; the epoch of the
  /// step's first samples where there is but one component.
  package func epoch(step: Int) -> Int { step * globalBatchSize / sampleCount }

  /// The step whose batch holds the sample that begins this epoch.
  package func firstStep(ofEpoch epoch: Int) -> Int { epoch * sampleCount / globalBatchSize }

  /// How many samples of a component the batches before this step hold.
  package func samplesSeen(of component: Int, before step: Int) -> Int {
    let places = step * lanePlaces
    return (0..<canonicalStreams).reduce(0) {
      $0 + split.count(of: component, lane: $1, before: places)
    }
  }

  /// The slots of a global batch that a rank takes: r·B/N ..< (r+1)·B/N.
  package func slots(rank: Int, of worldSize: Int) -> Range<Int> {
    (rank * globalBatchSize / worldSize)..<((rank + 1) * globalBatchSize / worldSize)
  }

  /// B/C: the places of a lane in one batch.
  var lanePlaces: Int { globalBatchSize / canonicalStreams }

  /// Where slot `slot` of step `step` stands.
  func place(step: Int, slot: Int) -> LanePlace {
    precondition((0...largestStep).contains(step) && (0..<globalBatchSize).contains(slot))
    let pick = split.pick(lane: slot / lanePlaces, position: step * lanePlaces + slot % lanePlaces)
    return LanePlace(
      lane: pick.lane, component: pick.component, ordinal: pick.ordinal,
      epoch: rules[pick.component].epoch(lane: pick.lane, ordinal: pick.ordinal))
  }

  /// One epoch of a component; costs a pass over its shards, so keep it while the epoch lasts.
  package func epoch(_ epoch: Int, of component: Int = 0) -> EpochOrder {
    EpochOrder(self, component: component, epoch: epoch)
  }

  /// A walk through the order that keeps what neighbouring draws share.
  package func cursor() -> OrderCursor { OrderCursor(self) }

  /// The sample that a draw is replaced by when it is bad: of the same component and epoch, any of its samples.
  /// It depends on the draw, not on ranks or threads.
  func replacement(of draw: SampleDraw, attempt: Int) -> SampleDraw {
    let number = Hashing.combine(
      seed, UInt64(draw.epoch), DrawPurpose.replacement.rawValue, UInt64(draw.component),
      UInt64(draw.shard), UInt64(draw.ordinal), UInt64(attempt))
    let component = components[draw.component]
    let sample = natural[draw.component].sample(Int(number % UInt64(component.sampleCount)))
    return SampleDraw(
      component: draw.component, epoch: draw.epoch, shard: component.shards[sample.shard],
      ordinal: sample.index)
  }
}

/// Which of a component's samples stands in a slot.
struct LanePlace: Equatable, Sendable {
  /// Of the component.
  let lane: Int
  let component: Int
  /// Counted over all epochs.
  let ordinal: Int
  let epoch: Int
}
