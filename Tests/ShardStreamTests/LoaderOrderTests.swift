import Basics
import Testing

@testable import ShardStream

/// Whole epochs through loaders: every key once an epoch, whatever the ranks and wherever a run goes on.
@Suite struct LoaderOrderTests {
  static let shards = [31, 7, 0, 58, 5]
  static let steps = 11

  private static let corpus = Result { try TestCorpus(shards: shards) }

  private static func order(isMixture: Bool) throws -> GlobalOrder {
    let parts =
      isMixture
      ? [
        MixtureComponent(name: "a", shards: [0, 1, 4], counts: [31, 7, 5], weight: 3),
        MixtureComponent(name: "b", shards: [2, 3], counts: [0, 58], weight: 5),
      ] : [MixtureComponent(shards: Array(shards.indices), counts: shards)]
    return try GlobalOrder(
      seed: 11, components: parts, globalBatchSize: 24, canonicalStreams: 4, shuffleWindow: 9)
  }

  /// Keys of the global batches of `steps` as `worldSize` ranks stream them.
  private func keys(_ order: GlobalOrder, worldSize: Int, steps: Range<Int>) throws -> [[String]] {
    let ranks = try (0..<worldSize).map { rank in
      var options = try Self.corpus.get().options(rank: rank, worldSize: worldSize)
      options.order = order
      return try Loader(options, startStep: steps.lowerBound).contents(steps.count).map(\.keys)
    }
    return (0..<steps.count).map { step in ranks.flatMap { $0[step] } }
  }

  @Test(arguments: [1, 2, 3, 4, 6, 8], [false, true])
  func anyWorldSeesTheSameAndMayBeResumed(_ worldSize: Int, _ isMixture: Bool) throws {
    let order = try Self.order(isMixture: isMixture)
    let alone = try keys(order, worldSize: 1, steps: 0..<Self.steps)
    var generator = SeededGenerator(seed: UInt64(worldSize))
    let stop = 1 + generator.nextIndex(below: Self.steps - 1)
    let other = [1, 2, 3, 4, 6, 8].randomElement(using: &generator)!
    let first = try keys(order, worldSize: worldSize, steps: 0..<stop)
    let rest = try keys(order, worldSize: other, steps: stop..<Self.steps)
    #expect(first + rest == alone, "\(worldSize) ranks, then \(other) from step \(stop)")
  }

  /// After any batch, each of a component's T keys has come ⌊n/T⌋ times of n, and n mod T of them once more.
  @Test(arguments: [false, true]) func everyKeyOnceAnEpoch(_ isMixture: Bool) throws {
    let order = try Self.order(isMixture: isMixture)
    let batches = try keys(order, worldSize: 1, steps: 0..<Self.steps)
    let starts = Self.shards.reduce(into: [0]) { $0.append($0.last! + $1) }
    for component in order.components {
      let own = component.shards.flatMap { starts[$0]..<starts[$0 + 1] }.map { "k\($0)" }
      var seen = Dictionary(uniqueKeysWithValues: own.map { ($0, 0) })
      for batch in batches {
        for key in batch where seen[key] != nil { seen[key]! += 1 }
        let (epoch, rest) = seen.values.reduce(0, +).quotientAndRemainder(dividingBy: own.count)
        #expect(seen.values.count { $0 == epoch + 1 } == rest)
        #expect(seen.values.count { $0 == epoch } == own.count - rest)
      }
    }
  }
}
