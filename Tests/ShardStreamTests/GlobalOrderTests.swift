import Basics
import Testing

@testable import ShardStream

@Suite struct GlobalOrderTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    var shards: [Int]
    var batch: Int
    var streams: Int
    var window: Int
    var testDescription: String { "\(shards) B\(batch) C\(streams) W\(window)" }

    func order(seed: UInt64 = 3) throws -> GlobalOrder {
      try GlobalOrder(
        seed: seed, shardSampleCounts: shards, globalBatchSize: batch, canonicalStreams: streams,
        shuffleWindow: window)
    }
  }

  static let shapes = [
    Shape(shards: [1], batch: 1, streams: 1, window: 1),
    Shape(shards: [97], batch: 8, streams: 4, window: 10),
    Shape(shards: [31, 0, 1, 57, 12, 30], batch: 12, streams: 6, window: 7),
    Shape(shards: [31, 0, 1, 57, 12, 30], batch: 12, streams: 12, window: 1),
    Shape(shards: [31, 0, 1, 57, 12, 30], batch: 12, streams: 1, window: 100_000),
    Shape(shards: Array(repeating: 10, count: 40), batch: 16, streams: 16, window: 4),
    Shape(shards: [5, 6], batch: 11, streams: 11, window: 3),
  ]

  private func epochSamples(_ order: GlobalOrder, _ epoch: Int) -> [SampleID] {
    let epochOrder = order.epoch(epoch)
    return (0..<order.stepsPerEpoch).flatMap { batch in
      (0..<order.globalBatchSize).map { epochOrder.sample(batch: batch, slot: $0) }
    }
  }

  @Test(arguments: shapes) func everySampleOnceButTheRemainder(_ shape: Shape) throws {
    let order = try shape.order()
    for epoch in 0..<5 {
      let samples = epochSamples(order, epoch)
      #expect(Set(samples).count == samples.count)
      #expect(samples.allSatisfy { shape.shards.indices.contains($0.shard) })
      #expect(samples.allSatisfy { (0..<shape.shards[$0.shard]).contains($0.index) })
      let leftOut = order.sampleCount - samples.count
      #expect((0..<(shape.batch + shape.streams)).contains(leftOut))
    }
  }

  @Test func theRemainderChangesWithTheEpoch() throws {
    let order = try Shape(shards: [40, 41, 42], batch: 16, streams: 4, window: 8).order()
    let seen = (0..<20).map { Set(epochSamples(order, $0)) }
    #expect(seen[0].count < order.sampleCount)
    #expect(seen.reduce(into: Set()) { $0.formUnion($1) }.count == order.sampleCount)
  }

  @Test(arguments: shapes) func seekingEqualsWalking(_ shape: Shape) throws {
    let order = try shape.order()
    let walked = (0..<3).flatMap { epochSamples(order, $0) }
    for step in 0..<(3 * order.stepsPerEpoch) {
      let (epoch, batch) = order.position(step: step)
      let slot = step % shape.batch
      #expect(
        order.sample(epoch: epoch, batch: batch, slot: slot) == walked[step * shape.batch + slot])
    }
  }

  @Test func epochsAndSeedsDiffer() throws {
    let shape = Self.shapes[2]
    let order = try shape.order()
    #expect(epochSamples(order, 0) == epochSamples(try shape.order(), 0))
    #expect(epochSamples(order, 0) != epochSamples(order, 1))
    #expect(epochSamples(order, 0) != epochSamples(try shape.order(seed: 4), 0))
  }

  @Test func aPinnedOrderStaysWhatItIs() throws {
    let order = try Shape(shards: [3, 4, 5], batch: 4, streams: 2, window: 3).order(seed: 1)
    let ids = epochSamples(order, 2).map { 10 * $0.shard + $0.index }
    #expect(ids == [21, 22, 11, 12, 20, 23, 13, 0, 10, 24, 1, 2])
  }

  @Test func slotsComeFromTheirStream() throws {
    // One shard to a stream: the shard tells the stream.
    let order = try Shape(shards: [20, 20, 20], batch: 6, streams: 3, window: 5).order()
    for batch in 0..<order.stepsPerEpoch {
      let shards = (0..<6).map { order.sample(epoch: 0, batch: batch, slot: $0).shard }
      #expect(shards[0] == shards[1] && shards[2] == shards[3] && shards[4] == shards[5])
      #expect(Set(shards).count == 3)
    }
  }

  @Test func aWindowHoldsItsOwnSamplesOnly() throws {
    let order = try Shape(shards: [103], batch: 1, streams: 1, window: 10).order()
    let samples = epochSamples(order, 0).map(\.index)
    for start in stride(from: 0, to: 103, by: 10) {
      let end = min(start + 10, 103)
      #expect(samples[start..<end].sorted() == Array(start..<end))
    }
    #expect(samples[..<100] != Array(0..<100)[...])
  }

  @Test func aWindowOfOneIsTheOrderOfTheShards() throws {
    let order = try Shape(shards: [5, 7], batch: 1, streams: 1, window: 1).order()
    let samples = epochSamples(order, 0)
    let first = samples[0].shard
    #expect(
      samples.map(\.shard) == Array(repeating: first, count: [5, 7][first])
        + Array(repeating: 1 - first, count: [7, 5][first]))
    #expect(samples.prefix([5, 7][first]).map(\.index) == Array(0..<[5, 7][first]))
  }

  @Test func refusesTooFewSamplesAndBadStreams() throws {
    let few = #expect(throws: KelipError.self) {
      try Shape(shards: [3, 4], batch: 8, streams: 1, window: 1).order()
    }
    #expect(few?.message.contains("7") == true && few?.message.contains("8") == true)
    let streams = #expect(throws: KelipError.self) {
      try Shape(shards: [30], batch: 12, streams: 5, window: 1).order()
    }
    #expect(streams?.hint == "choose one of 1, 2, 3, 4, 6, 12")
    #expect(throws: KelipError.self) { try Shape(shards: [30], batch: 12, streams: 0, window: 1).order() }
    #expect(throws: KelipError.self) { try Shape(shards: [30], batch: 0, streams: 1, window: 1).order() }
    #expect(throws: KelipError.self) { try Shape(shards: [30], batch: 1, streams: 1, window: 0).order() }
    #expect(throws: KelipError.self) { try Shape(shards: [], batch: 1, streams: 1, window: 1).order() }
  }

  @Test(arguments: [(1, 1), (7, 7), (17, 1), (34, 2), (256, 16), (30, 15), (32_768, 16)])
  func defaultStreamsDivideTheBatch(_ batch: Int, _ streams: Int) {
    #expect(GlobalOrder.defaultStreams(batch) == streams)
  }

  @Test func theFullCorpusNeedsNoState() throws {
    let order = try Shape(
      shards: Array(repeating: 10_000, count: 118_400), batch: 32_768, streams: 16, window: 50_000
    ).order()
    #expect(order.stepsPerEpoch == 36_132)
    let epoch = order.epoch(1)
    let last = epoch.sample(batch: 36_131, slot: 32_767)
    #expect((0..<118_400).contains(last.shard) && (0..<10_000).contains(last.index))
  }

  @Test func naturalOrderKeepsTheLastPartialBatch() {
    let order = SequentialOrder(shardSampleCounts: [2, 0, 3], batchSize: 2)
    #expect(order.batchCount == 3 && order.sampleCount == 5)
    #expect((0..<3).map(order.batch) == [0..<2, 2..<4, 4..<5])
    #expect((0..<5).map(order.sample).map(\.shard) == [0, 0, 2, 2, 2])
    #expect((0..<5).map(order.sample).map(\.index) == [0, 1, 0, 1, 2])
    #expect(SequentialOrder(shardSampleCounts: [], batchSize: 2).batchCount == 0)
  }
}
