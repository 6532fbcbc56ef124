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
    Shape(shards: [0, 101, 0, 2], batch: 24, streams: 8, window: 5),
    Shape(shards: [13], batch: 12, streams: 4, window: 50),
    Shape(shards: [0, 7, 0], batch: 4, streams: 4, window: 2),
  ]

  /// The samples of the first `epochs` epochs, an epoch a list, each in the order of the stream.
  private func epochSamples(_ order: GlobalOrder, _ epochs: Int) -> [[SampleID]] {
    let stream = WalkedOrder(order, steps: epochs * order.sampleCount / order.globalBatchSize + 1)
    return (0..<epochs).map { stream.samples(component: 0, epoch: $0) }
  }

  private func all(_ shards: [Int]) -> [SampleID] {
    shards.enumerated().flatMap { shard, count in (0..<count).map { SampleID(shard: shard, index: $0) } }
  }

  @Test(arguments: shapes) func everySampleOnceAnEpoch(_ shape: Shape) throws {
    for samples in epochSamples(try shape.order(), 5) {
      #expect(samples.count == Set(samples).count)
      #expect(Set(samples) == Set(all(shape.shards)))
    }
  }

  /// Batch k holds the samples kB ..< (k + 1)B of epochs that follow one another without a gap.
  @Test(arguments: shapes) func onlyBatchesAtABoundaryHoldTwoEpochs(_ shape: Shape) throws {
    let order = try shape.order()
    let (size, total) = (order.globalBatchSize, order.sampleCount)
    let stream = WalkedOrder(order, steps: 4 * total / size + 2)
    for (step, batch) in stream.batches.enumerated() {
      let epochs = batch.map(\.epoch).reduce(into: [:]) { $0[$1, default: 0] += 1 }
      let wanted = (step * size..<(step + 1) * size).map { $0 / total }.reduce(into: [:]) {
        $0[$1, default: 0] += 1
      }
      #expect(epochs == wanted)
      #expect(order.epoch(step: step) == epochs.keys.min())
    }
  }

  /// What the documentation says of a pair that meets itself: x·(B − x)/T of them in a boundary batch.
  @Test func pairsMeetThemselvesAsRarelyAsStated() throws {
    var (found, expected) = (0.0, 0.0)
    for seed in 0..<200 {
      let order = try Shape(shards: [40, 41, 42], batch: 16, streams: 4, window: 31).order(seed: UInt64(seed))
      let batch = WalkedOrder(order, steps: 8).batches[7]
      let first = batch.count { $0.epoch == 0 }
      #expect(first == 123 % 16)
      found += Double(16 - Set(batch.map { [$0.shard, $0.ordinal] }).count)
      expected += Double(first * (16 - first)) / 123
    }
    // A Poisson count, within four standard deviations.
    #expect(abs(found - expected) < 4 * expected.squareRoot(), "\(found) of \(expected)")
  }

  @Test(arguments: shapes) func seekingEqualsWalking(_ shape: Shape) throws {
    let order = try shape.order()
    let walked = WalkedOrder(order, steps: 3 * order.sampleCount / shape.batch + 1).batches
    var back = order.cursor()
    for step in walked.indices.reversed() {
      let slot = step % shape.batch
      var fresh = order.cursor()
      #expect(fresh.draw(step: step, slot: slot) == walked[step][slot])
      #expect(back.draws(step: step, slots: 0..<shape.batch) == walked[step])
    }
  }

  @Test func epochsAndSeedsDiffer() throws {
    let shape = Self.shapes[2]
    let samples = epochSamples(try shape.order(), 2)
    #expect(samples == epochSamples(try shape.order(), 2))
    #expect(samples[0] != samples[1])
    #expect(samples != epochSamples(try shape.order(seed: 4), 2))
  }

  @Test func aPinnedOrderStaysWhatItIs() throws {
    let order = try Shape(shards: [3, 4, 6], batch: 4, streams: 2, window: 3).order(seed: 1)
    let ids = WalkedOrder(order, steps: 7).batches[3...].map { $0.map { 10 * $0.shard + $0.ordinal } }
    // T = 13: the fourth batch ends epoch 0 with its last sample.
    #expect(ids == [[22, 20, 2, 11], [21, 24, 13, 12], [23, 25, 1, 2], [10, 11, 0, 23]])
  }

  @Test func slotsComeFromTheirLane() throws {
    // One shard to a lane: the shard tells the lane.
    let order = try Shape(shards: [20, 20, 20], batch: 6, streams: 3, window: 5).order()
    for batch in WalkedOrder(order, steps: 10).batches {
      let shards = batch.map(\.shard)
      #expect(shards[0] == shards[1] && shards[2] == shards[3] && shards[4] == shards[5])
      #expect(Set(shards).count == 3)
    }
  }

  @Test func aWindowHoldsItsOwnSamplesOnly() throws {
    let order = try Shape(shards: [103], batch: 1, streams: 1, window: 10).order()
    let samples = epochSamples(order, 1)[0].map(\.index)
    for start in stride(from: 0, to: 103, by: 10) {
      let end = min(start + 10, 103)
      #expect(samples[start..<end].sorted() == Array(start..<end))
    }
    #expect(samples[..<100] != Array(0..<100)[...])
  }

  @Test func aWindowOfOneIsTheOrderOfTheShards() throws {
    let order = try Shape(shards: [5, 7], batch: 1, streams: 1, window: 1).order()
    let samples = epochSamples(order, 1)[0]
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

  /// Each of 1,024 ranks draws its own slots, and together they have the global batch.
  @Test func theFullCorpusNeedsNoState() throws {
    let order = try Shape(
      shards: Array(repeating: 10_000, count: 118_400), batch: 32_768, streams: 64, window: 16_384
    ).order()
    let step = 3 * 36_132 + 17_001
    #expect(order.epoch(step: step) == 3)
    var cursor = order.cursor()
    var samples: Set<SampleDraw> = []
    for rank in 0..<1024 {
      let draws = cursor.draws(step: step, slots: (32 * rank)..<(32 * (rank + 1)))
      samples.formUnion(draws)
      // Half a window and the edges of the shards in it.
      #expect(Set(draws.map(\.shard)).count <= 4)
    }
    #expect(samples.count == 32_768)
    #expect(samples.allSatisfy { (0..<118_400).contains($0.shard) && (0..<10_000).contains($0.ordinal) })
    var last = order.cursor()
    #expect(last.draw(step: order.largestStep, slot: 32_767).epoch > 1_000_000_000)
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
