import Basics
import Testing

@testable import ShardStream

@Suite struct MixtureOrderTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    /// Counts of the components' shards, and weights.
    var components: [(shards: [Int], weight: Int?)]
    var batch: Int
    var streams: Int
    var window: Int
    var testDescription: String { "\(components) B\(batch) C\(streams) W\(window)" }

    func order(seed: UInt64 = 3) throws -> GlobalOrder {
      var first = 0
      let components = components.enumerated().map { number, component in
        defer { first += component.shards.count }
        return MixtureComponent(
          name: "part \(number)", shards: Array(first..<(first + component.shards.count)),
          counts: component.shards, weight: component.weight)
      }
      return try GlobalOrder(
        seed: seed, components: components, globalBatchSize: batch, canonicalStreams: streams,
        shuffleWindow: window)
    }
  }

  static let shapes = [
    Shape(components: [([30, 0, 11], 3), ([17], 1)], batch: 12, streams: 4, window: 5),
    Shape(components: [([97], 708), ([101], 476)], batch: 8, streams: 8, window: 7),
    Shape(components: [([5, 9], nil), ([31], nil), ([1, 2, 3], nil)], batch: 10, streams: 5, window: 1),
    Shape(components: [([40], 1), ([13], 2), ([0, 29], 1), ([23], 3)], batch: 6, streams: 1, window: 9),
    Shape(components: [([50], 1), ([50], 49)], batch: 50, streams: 2, window: 100),
    Shape(components: [([64], nil)], batch: 16, streams: 16, window: 3),
  ]

  /// How many steps surely hold `epochs` whole epochs of the component.
  private func steps(_ order: GlobalOrder, _ component: Int, epochs: Int) -> Int {
    let share = Double(order.components[component].weight) / Double(order.split.totalWeight)
    let lag = order.split.depth + 1
    let samples = epochs * order.components[component].sampleCount + lag * order.canonicalStreams
    return Int(Double(samples) / share / Double(order.globalBatchSize)) + 2
  }

  @Test(arguments: shapes) func eachComponentSeesItsSamplesOnceAnEpoch(_ shape: Shape) throws {
    let order = try shape.order()
    for (number, component) in order.components.enumerated() {
      let walked = WalkedOrder(order, steps: steps(order, number, epochs: 3))
      let wanted = Set(
        zip(component.shards, component.counts).flatMap { shard, count in
          (0..<count).map { SampleID(shard: shard, index: $0) }
        })
      for epoch in 0..<3 {
        let samples = walked.samples(component: number, epoch: epoch)
        #expect(samples.count == wanted.count && Set(samples) == wanted)
      }
    }
  }

  @Test(arguments: shapes) func batchesAreInProportion(_ shape: Shape) throws {
    let order = try shape.order()
    let total = Double(order.split.totalWeight)
    var seen = order.components.map { _ in 0 }
    for (step, batch) in WalkedOrder(order, steps: 40).batches.enumerated() {
      for draw in batch { seen[draw.component] += 1 }
      for (number, component) in order.components.enumerated() {
        #expect(order.samplesSeen(of: number, before: step + 1) == seen[number])
        let exact = Double(component.weight) / total * Double((step + 1) * order.globalBatchSize)
        #expect(abs(Double(seen[number]) - exact) < Double(order.split.depth * order.canonicalStreams + 1))
        if order.components.count <= 2 { #expect(abs(Double(seen[number]) - exact) < 1) }
      }
    }
  }

  /// With up to two components, the samples of each come epoch after epoch, batch by batch.
  @Test(arguments: shapes.filter { $0.components.count <= 2 })
  func epochsOfTwoComponentsEndWithinABatch(_ shape: Shape) throws {
    let order = try shape.order()
    for (step, batch) in WalkedOrder(order, steps: 60).batches.enumerated() {
      for (number, component) in order.components.enumerated() {
        let seen =
          order.samplesSeen(of: number, before: step)..<order.samplesSeen(of: number, before: step + 1)
        let epochs = batch.filter { $0.component == number }.map(\.epoch)
        #expect(epochs.sorted() == seen.map { $0 / component.sampleCount })
      }
    }
  }

  @Test(arguments: shapes) func seekingEqualsWalking(_ shape: Shape) throws {
    let order = try shape.order()
    for (step, batch) in WalkedOrder(order, steps: 30).batches.enumerated() {
      var fresh = order.cursor()
      #expect(fresh.draws(step: step, slots: 0..<shape.batch) == batch)
    }
  }

  @Test func replacementsStayInTheirComponent() throws {
    let order = try Self.shapes[3].order()
    for draw in WalkedOrder(order, steps: 5).batches.joined() {
      let component = order.components[draw.component]
      for attempt in 1...50 {
        let other = order.replacement(of: draw, attempt: attempt)
        #expect(other.component == draw.component && other.epoch == draw.epoch)
        let place = try #require(component.shards.firstIndex(of: other.shard))
        #expect((0..<component.counts[place]).contains(other.ordinal))
      }
    }
  }

  @Test func aComponentTooSmallForItsPartIsRefused() {
    let tooSmall = #expect(throws: KelipError.self) {
      try Shape(components: [([100], 1), ([9], 1)], batch: 20, streams: 1, window: 1).order()
    }
    #expect(tooSmall?.message == "part 1 holds 9 samples, fewer than its part of one global batch, 10 of 20")
    let empty = #expect(throws: KelipError.self) {
      try Shape(components: [([100], 1), ([0], 1)], batch: 20, streams: 1, window: 1).order()
    }
    #expect(empty?.message == "part 1 holds no sample")
    #expect(throws: KelipError.self) {
      try Shape(components: [([100], .max), ([90], 1)], batch: 20, streams: 1, window: 1).order()
    }
  }
}
