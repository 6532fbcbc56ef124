import Basics
import Testing

@testable import ShardStream

@Suite struct OrderCheckTests {
  private func z(_ permutations: [[Int]]) -> [Double] {
    var statistics = PermutationStatistics()
    permutations.forEach { statistics.add($0) }
    return statistics.scores("").map(\.z)
  }

  private func shuffled(_ count: Int, _ seed: Int) -> [Int] {
    var generator = SeededGenerator(seed: UInt64(seed))
    return (0..<count).shuffled(using: &generator)
  }

  @Test(arguments: [32, 61, 500, 3001]) func uniformPermutationsPass(_ count: Int) {
    let scores = z((0..<50).map { shuffled(count, $0) })
    #expect(scores.allSatisfy { abs($0) < UniformityScore.limit }, "\(scores)")
    // Over many trials the scores spread as standard normal ones do.
    let trials = (0..<100).map { trial in z((0..<5).map { shuffled(count, 1000 + 10 * trial + $0) }) }
    for statistic in 0..<4 {
      let square = trials.reduce(0) { $0 + $1[statistic] * $1[statistic] } / 100
      #expect((0.5...1.7).contains(square), "statistic \(statistic): \(square)")
    }
  }

  /// Each statistic sees what it is there for.
  @Test func disorderThatIsNotUniformFails() {
    let count = 4096
    let ordered = Array(0..<count)
    #expect(z([ordered]).allSatisfy { abs($0) > 20 })
    #expect(abs(z([ordered.reversed()])[1]) > 20)
    // Shuffled within eighths only.
    let local = (0..<count).map { $0 / 512 * 512 + shuffled(512, $0 / 512)[$0 % 512] }
    #expect(z([local])[0] > 20 && z([local])[1] < -20)
    // Neighbours travel together.
    let pairs = shuffled(count / 2, 1).flatMap { [2 * $0, 2 * $0 + 1] }
    #expect(z([pairs])[2] > 20 && z([pairs])[3] > 20)
    // A shuffle that leaves one half in place more often than not.
    let lazy = zip(ordered, shuffled(count, 2)).map { $0 % 8 == 0 ? $0 : $1 }
    #expect(z([lazy])[1] < -5)
  }

  @Test func relatedPermutationsAreFound() {
    var (same, other) = (PairStatistics(), PairStatistics())
    for seed in 0..<20 {
      same.add(shuffled(100, seed), shuffled(100, seed))
      other.add(shuffled(100, seed), shuffled(100, seed + 50))
    }
    #expect(same.score("").z > 40 && abs(other.score("").z) < 4)
    #expect(!same.score("").passed && other.score("").passed)
  }

  @Test func pValuesAreTheNormalOnes() {
    #expect(abs(UniformityScore(name: "", z: 1.959964).pValue - 0.05) < 1e-6)
    #expect(abs(UniformityScore(name: "", z: -3.290527).pValue - 0.001) < 1e-7)
  }

  @Test(arguments: [1, 3]) func theOrderPasses(_ componentCount: Int) throws {
    let components = (0..<componentCount).map { number in
      MixtureComponent(
        shards: Array((100 * number)..<(100 * (number + 1))), counts: (0..<100).map { 50 + $0 % 7 },
        weight: 3 + number)
    }
    let order = try GlobalOrder(
      seed: 1, components: components, globalBatchSize: 256, canonicalStreams: 8, shuffleWindow: 200)
    let check = OrderCheck(order, epoch: 2, windows: 60, batches: 20, seed: 9)
    #expect(check.windowCount >= 40 && check.scores.count == 11)
    #expect(check.passed, "\(check.scores)")
    // Each lane's window reaches into four or five shards of each component.
    #expect((20...45).contains(check.mixing.foundShards / Double(componentCount)))
    #expect(check.mixing.fullyShuffledShards > check.mixing.foundShards)
  }

  @Test func windowsThatAreTooShortAreNotTested() throws {
    let order = try GlobalOrder(
      seed: 1, shardSampleCounts: [40, 40], globalBatchSize: 8, canonicalStreams: 2, shuffleWindow: 1)
    let check = OrderCheck(order, epoch: 0, windows: 10, batches: 5, seed: 9)
    #expect(check.windowCount == 0 && check.scores.map(\.name) == ["batches: distinct shards"])
    #expect(check.passed)
  }
}
