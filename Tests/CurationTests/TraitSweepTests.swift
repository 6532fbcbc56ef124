import Basics
import Collectives
import Foundation
import TestFolders
import Testing

@testable import Curation

@Suite struct TraitSweepTests {
  /// Words of which many are near each other.
  private func words(_ count: Int, seed: UInt64) -> [UInt64] {
    var generator = SeededGenerator(seed: seed)
    var words: [UInt64] = []
    for _ in 0..<count {
      guard let base = words.randomElement(using: &generator), generator.nextUniform() < 0.6 else {
        words.append(generator.next())
        continue
      }
      let flips = Int.random(in: 0...7, using: &generator)
      words.append(
        (0..<flips).reduce(base) { word, _ in word ^ 1 << UInt64.random(in: 0..<64, using: &generator) })
    }
    return words
  }

  private func corpus(_ words: [UInt64], in folder: TemporaryFolder) throws -> Corpus {
    let cut = words.count / 3
    var files: [URL] = []
    for (number, part) in [words[..<cut], words[cut..<cut], words[cut...]].enumerated() {
      let file = folder.file("m\(number)")
      try MeasurementFile.write(
        .init(count: part.count, reasons: [], rejected: [:], fault: nil, traits: 1),
        measurements: part.map { _ in SampleMeasurement() }, traits: [part.map { SampleTrait(low: $0) }],
        to: file)
      files.append(file)
    }
    return try Corpus(measurements: files, communicator: SoloCommunicator())
  }

  @Test(arguments: [0, 1, 3, 4, 7, 16]) func everyPairWithinTheDistanceIsFound(distance: Int) throws {
    let folder = try TemporaryFolder()
    let words = words(700, seed: UInt64(distance))
    let expected = words.indices.filter { later in
      words[..<later].contains { ($0 ^ words[later]).nonzeroBitCount <= distance }
    }
    #expect(expected.count > 20)
    let whole = try corpus(words, in: folder)
    for ranks in [1, 2, 3] {
      let found = try ThreadedCommunicator.run(worldSize: ranks) { communicator in
        var corpus = whole
        let rule = NearRule(distance: distance)
        let work = WorkFolder(output: folder.file("work-\(ranks)"), didWrite: { _ in })
        _ = try communicator.onLeader { try work.begin(plan: "p", command: "test") }
        let counts = try CorpusPass(rules: [rule], work: work, communicator: communicator).run(&corpus)
        #expect(counts == [0: expected.count])
        return words.indices.filter { corpus.dropped[$0] }
      }
      #expect(found.allSatisfy { $0 == expected })
    }
  }

  @Test(arguments: [1, 4, 9, 16], [10, 100_000, 1_000_000_000]) func masksCover(distance: Int, samples: Int) {
    let masks = NearMasks.masks(distance: distance, samples: samples)
    #expect(Set(masks).count == masks.count && masks.allSatisfy { $0 != 0 })
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<300 {
      let difference = (0..<distance).reduce(UInt64(0)) { word, _ in
        word | 1 << UInt64.random(in: 0..<64, using: &generator)
      }
      #expect(masks.contains { $0 & difference == 0 })
    }
  }

  @Test func moreSamplesMakeSmallerGroups() {
    let few = NearMasks.masks(distance: 4, samples: 10_000)
    let many = NearMasks.masks(distance: 4, samples: 1_000_000_000)
    #expect(few.count == 5 && many.count > 30)
  }

  @Test func theFirstOfEqualTraitsStay() throws {
    let folder = try TemporaryFolder()
    var generator = SeededGenerator(seed: 1)
    let words = (0..<500).map { _ in UInt64.random(in: 0..<90, using: &generator) }
    let corpus = try corpus(words, in: folder)
    for keep in [1, 3] {
      var seen: [UInt64: Int] = [:]
      let expected = words.indices.filter {
        seen[words[$0], default: 0] += 1
        return seen[words[$0]]! > keep
      }
      for parts in [1, 2, 7] {
        let sweep = TraitSweep(mask: SampleTrait(high: .max, low: .max), comparison: .keepFirst(keep))
        let found = try (0..<parts).flatMap {
          try sweep.dropped(part: $0, of: parts, in: corpus, column: 0, rule: 0)
        }
        #expect(found.sorted() == expected)
      }
    }
  }
}

private struct NearRule: CorpusRule {
  static let key = "near"
  let distance: Int
  init(distance: Int) { self.distance = distance }
  init(_ settings: RuleSettings) throws { distance = 0 }
  func trait(of candidate: Candidate) -> SampleTrait? { nil }
  var comparison: TraitComparison { .withinDistance(distance) }
}
