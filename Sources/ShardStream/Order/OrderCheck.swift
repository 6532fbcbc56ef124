import Basics

/// Tests the order over sampled windows, epochs and batches against uniformly random shuffles.
///
/// What it holds the order to: within a window, the time of a sample says nothing of its place in the shards, nor
/// does its neighbour or the next epoch; the shards of an epoch are in random order; and a global batch has samples of
/// as many shards as its windows let expect.
package struct OrderCheck: Sendable {
  package private(set) var scores: [UniformityScore] = []
  package private(set) var mixing = ShardMixing()
  /// How many windows were tested, and the samples in them.
  package private(set) var windowCount = 0
  package private(set) var sampleCount = 0

  package var passed: Bool { scores.allSatisfy(\.passed) }

  /// - Parameters:
  ///   - epoch: the first of the four epochs from which windows are drawn.
  ///   - seed: of what is sampled; independent of the order's own.
  package init(_ order: GlobalOrder, epoch: Int, windows: Int, batches: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var cursor = order.cursor()
    testWindows(order, epoch, windows, &cursor, &generator)
    testShards(order, epoch, &cursor)
    testBatches(order, epoch, batches, &cursor, &generator)
  }

  private mutating func testWindows(
    _ order: GlobalOrder, _ first: Int, _ windows: Int, _ cursor: inout OrderCursor,
    _ generator: inout SeededGenerator
  ) {
    var single = PermutationStatistics()
    var pairs = PairStatistics()
    var tested: Set<[Int]> = []
    for number in 0..<windows {
      let component = number % order.components.count
      // Windows of one epoch after the other, so that few epochs are laid out.
      let epoch = first + 4 * number / windows
      let lane = generator.nextIndex(below: order.canonicalStreams)
      let now = cursor.epoch(epoch, of: component)
      guard now.count(lane: lane) > 0 else { continue }
      let window = generator.nextIndex(below: now.windowCount(lane: lane))
      // One that counted twice would make chance look like a fault.
      guard tested.insert([component, epoch, lane, window]).inserted else { continue }
      let permutation = now.permutation(lane: lane, window: window)
      guard permutation.count >= PermutationStatistics.shortest else { continue }
      single.add(permutation)
      windowCount += 1
      sampleCount += permutation.count
      let next = cursor.epoch(epoch + 1, of: component)
      guard window < next.windowCount(lane: lane) else { continue }
      let other = next.permutation(lane: lane, window: window)
      if other.count == permutation.count { pairs.add(permutation, other) }
    }
    guard single.count > 0 else { return }
    scores += single.scores("windows") + [pairs.score("windows: this epoch and the next")]
  }

  private mutating func testShards(_ order: GlobalOrder, _ first: Int, _ cursor: inout OrderCursor) {
    var single = PermutationStatistics()
    var pairs = PairStatistics()
    for (number, component) in order.components.enumerated()
    where component.shards.count >= PermutationStatistics.shortest {
      for epoch in first..<(first + 4) {
        let shards = cursor.epoch(epoch, of: number).shardOrder
        single.add(shards)
        pairs.add(shards, cursor.epoch(epoch + 1, of: number).shardOrder)
      }
    }
    guard single.count > 0 else { return }
    scores += single.scores("shards") + [pairs.score("shards: this epoch and the next")]
  }

  private mutating func testBatches(
    _ order: GlobalOrder, _ epoch: Int, _ batches: Int, _ cursor: inout OrderCursor,
    _ generator: inout SeededGenerator
  ) {
    let start = order.firstStep(ofEpoch: epoch)
    let end = order.firstStep(ofEpoch: epoch + 4)
    let steps = (0..<batches).map { _ in start + generator.nextIndex(below: max(1, end - start)) }
    for step in Set(steps).sorted() { mixing.add(order, step: step, &cursor) }
    if batches > 0 { scores.append(mixing.score) }
  }
}
