import Testing

@testable import Basics

@Suite struct SeededDrawsTests {
  @Test func equalSeedsGiveEqualDraws() {
    var (a, b, c) = (SeededGenerator(seed: 7), SeededGenerator(seed: 7), SeededGenerator(seed: 8))
    let draws = (0..<100).map { _ in a.next() }
    #expect(draws == (0..<100).map { _ in b.next() })
    #expect(Set(draws).isDisjoint(with: (0..<100).map { _ in c.next() }))
  }

  /// The published outputs of SplitMix64 from state 1234567 (Vigna's splitmix64.c).
  @Test func agreesWithSplitMix64() {
    var generator = SeededGenerator(seed: 1_234_567)
    #expect(
      (0..<3).map { _ in generator.next() }
        == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
  }

  /// n draws of a variance s² have a mean within 5 s/√n, but for one seed in a million.
  @Test(arguments: [1 as UInt64, 2, 0xFFFF_FFFF_FFFF_FFFF]) func moments(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let n = 40000
    let root = Double(n).squareRoot()
    let uniform = (0..<n).map { _ in generator.nextUniform() }
    #expect(uniform.allSatisfy { (0..<1).contains($0) })
    #expect(abs(mean(uniform) - 0.5) < 5 * (1 / 12.0).squareRoot() / root)
    #expect(abs(mean(uniform.map { $0 * $0 }) - 1 / 3.0) < 5 * 0.3 / root)
    let normal = (0..<n).map { _ in generator.nextNormal() }
    #expect(normal.allSatisfy { $0.isFinite })
    #expect(abs(mean(normal)) < 5 / root)
    #expect(abs(mean(normal.map { $0 * $0 }) - 1) < 5 * 2.0.squareRoot() / root)
    #expect(abs(mean(normal.map { $0 * $0 * $0 })) < 5 * 15.0.squareRoot() / root)
    #expect(abs(mean(normal.map { $0 * $0 * $0 * $0 }) - 3) < 5 * 96.0.squareRoot() / root)
    // Draws one after another are not related.
    #expect(abs(mean(zip(normal, normal.dropFirst()).map(*))) < 5 / root)
  }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
}

@Suite struct HashingTests {
  @Test func everyPartAndTheirOrderCount() {
    let base = Hashing.combine(1, 2, 3)
    #expect(base == Hashing.combine(1, 2, 3))
    let others = [
      Hashing.combine(2, 1, 3), Hashing.combine(1, 2, 4), Hashing.combine(1, 2), Hashing.combine(1, 2, 3, 0),
      Hashing.combine(0, 1, 2, 3), Hashing.combine(),
    ]
    #expect(!others.contains(base) && Set(others).count == others.count)
  }

  @Test func neighboursDifferInHalfOfTheirBits() {
    var flipped = 0
    for value in 0..<4096 as Range<UInt64> {
      flipped += (Hashing.mix(value) ^ Hashing.mix(value ^ (1 << (value % 64)))).nonzeroBitCount
    }
    // 4096 × 64 fair coins: the mean is 32 a pair, five standard deviations are 0.32.
    #expect(abs(Double(flipped) / 4096 - 32) < 0.32)
    #expect(Set((0..<10000 as Range<UInt64>).map(Hashing.mix)).count == 10000)
  }
}

@Suite struct StopwatchTests {
  private struct Failure: Error {}

  @Test func addsUpAndGivesResultsBack() throws {
    var watch = Stopwatch()
    #expect(watch.seconds == 0)
    #expect(watch.measure { 5 } == 5)
    let first = watch.seconds
    #expect(first >= 0)
    watch.add(1.5)
    #expect(watch.seconds == first + 1.5)
    #expect(throws: Failure.self) { try watch.measure { throw Failure() } }
    #expect(watch.seconds >= first + 1.5)
  }

  @Test func theClockNeverGoesBack() {
    let readings = (0..<1000).map { _ in monotonicSeconds() }
    #expect(readings == readings.sorted())
  }
}
