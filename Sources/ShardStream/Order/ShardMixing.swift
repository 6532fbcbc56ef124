#if canImport(Glibc)
  import Glibc
#endif

/// How many shards the samples of a global batch come from: found, expected of uniformly shuffled windows, and
/// expected if all samples were shuffled together.
package struct ShardMixing: Sendable {
  package private(set) var batches = 0
  private var found = 0.0
  private var expected = 0.0
  private var variance = 0.0
  private var shuffled = 0.0

  package init() {}

  /// Means over the batches.
  package var foundShards: Double { found / Double(max(1, batches)) }
  package var expectedShards: Double { expected / Double(max(1, batches)) }
  package var fullyShuffledShards: Double { shuffled / Double(max(1, batches)) }

  /// The variance is an upper bound: shards of a window crowd each other out.
  package var score: UniformityScore {
    let excess = found - expected
    // Where every shard of every window is sure to be met, there is nothing to vary.
    let z = variance > 1e-9 ? excess / variance.squareRoot() : abs(excess) < 1e-6 ? 0 : .infinity
    return UniformityScore(name: "batches: distinct shards", z: z)
  }

  /// Adds the batch of one step.
  package mutating func add(_ order: GlobalOrder, step: Int, _ cursor: inout OrderCursor) {
    let draws = cursor.draws(step: step, slots: 0..<order.globalBatchSize)
    batches += 1
    found += Double(Set(draws.map(\.shard)).count)
    for missed in Self.missProbabilities(order, step: step, &cursor).values {
      expected += 1 - missed
      variance += missed * (1 - missed)
    }
    var drawn = order.components.map { _ in 0 }
    for draw in draws { drawn[draw.component] += 1 }
    for (component, count) in zip(order.components, drawn) {
      let total = Double(component.sampleCount)
      for samples in component.counts where samples > 0 {
        shuffled += 1 - pow(1 - Double(samples) / total, Double(count))
      }
    }
  }

  private struct Window: Hashable {
    let component: Int
    let epoch: Int
    let lane: Int
    let number: Int
  }

  /// For each shard that the batch's windows reach into, the probability that none of its samples is drawn.
  private static func missProbabilities(
    _ order: GlobalOrder, step: Int, _ cursor: inout OrderCursor
  ) -> [Int: Double] {
    var drawn: [Window: Int] = [:]
    for slot in 0..<order.globalBatchSize {
      let place = order.place(step: step, slot: slot)
      let start = order.rules[place.component].start(lane: place.lane, epoch: place.epoch)
      let number = (place.ordinal - start) / order.shuffleWindow
      let window = Window(
        component: place.component, epoch: place.epoch, lane: place.lane, number: number)
      drawn[window, default: 0] += 1
    }
    var missed: [Int: Double] = [:]
    for (window, count) in drawn {
      let epoch = cursor.epoch(window.epoch, of: window.component)
      let range = epoch.window(lane: window.lane, number: window.number)
      for (shard, samples) in epoch.shardSizes(in: range) {
        missed[shard, default: 1] *= missProbability(samples, of: range.count, draws: count)
      }
    }
    return missed
  }

  /// Of `draws` samples out of `all` without replacement, none is among `some`.
  private static func missProbability(_ some: Int, of all: Int, draws: Int) -> Double {
    guard draws <= all - some else { return 0 }
    let (some, all, draws) = (Double(some), Double(all), Double(draws))
    return exp(
      lgamma(all - some + 1) + lgamma(all - draws + 1) - lgamma(all - some - draws + 1) - lgamma(all + 1))
  }
}
