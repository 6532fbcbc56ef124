import Basics
import Testing

@testable import Curation

@Suite struct IntegerHistogramTests {
  @Test func smallValuesAreExact() {
    var histogram = IntegerHistogram()
    for value in [5, 0, 1023, 5, 7] { histogram.add(value) }
    #expect(histogram.values.map { [$0.value, $0.count] } == [[0, 1], [5, 2], [7, 1], [1023, 1]])
    #expect(histogram.minimum == 0 && histogram.maximum == 1023)
    #expect(histogram.sum == 1040 && histogram.count == 5)
    #expect([0, 0.2, 0.21, 0.6, 0.61, 0.8, 1].map(histogram.quantile) == [0, 0, 5, 5, 7, 7, 1023])
    #expect(histogram.countAbove(5) == 2 && histogram.countAbove(-1) == 5 && histogram.countAbove(1023) == 0)
  }

  @Test(arguments: [1024, 1025, 4097, 65_535, 1_000_003, 1 << 40 + 12345, Int.max])
  func largeValuesAreKnownToTwoPerMille(value: Int) {
    var histogram = IntegerHistogram()
    histogram.add(0)
    histogram.add(value)
    let kept = histogram.values[1].value
    #expect(kept <= value && Double(value - kept) <= 0.002 * Double(value))
    #expect(histogram.maximum == value)
  }

  @Test func nothingHasNoQuantiles() {
    let histogram = IntegerHistogram()
    #expect(histogram.quantile(0.5) == 0 && histogram.values.isEmpty && histogram.mean.isNaN)
  }

  @Test func partsPutTogetherAreTheWhole() {
    var generator = SeededGenerator(seed: 3)
    let values = (0..<500).map { _ in Int(generator.next() >> (20 + generator.next() % 40)) }
    var whole = IntegerHistogram()
    var parts = [IntegerHistogram](repeating: IntegerHistogram(), count: 4)
    for (index, value) in values.enumerated() {
      whole.add(value)
      parts[index % 3].add(value)
    }
    for order in [[0, 1, 2, 3], [3, 2, 0, 1]] {
      var together = IntegerHistogram()
      for part in order { together.merge(parts[part]) }
      #expect(together == whole)
    }
  }
}

@Suite struct DistinctTextsTests {
  private static func counted(_ texts: [String], capacity: Int) -> DistinctTexts {
    texts.reduce(into: DistinctTexts(capacity: capacity)) { $0.add($1) }
  }

  @Test func fewTextsAreCountedExactly() {
    let found = Self.counted(["b", "a", "b", "c", "a", "b", ""], capacity: 4)
    #expect(found.isExact && found.total == 7 && found.distinctCount == 4 && found.repeatedCount == 2)
    #expect(found.mostFrequent(9) == [.init(count: 3, text: "b"), .init(count: 2, text: "a")])
    #expect(found.mostFrequent(1).map(\.text) == ["b"])
  }

  @Test func manyTextsAreEstimated() {
    let texts = (0..<20_000).flatMap { $0.isMultiple(of: 4) ? ["t\($0)", "t\($0)"] : ["t\($0)"] }
    let found = Self.counted(texts, capacity: 1000)
    #expect(!found.isExact && found.total == 25_000)
    // At least 500 of 20,000 are counted: the standard error is below 5 %.
    #expect(abs(found.distinctCount - 20_000) < 4_000)
    #expect(abs(found.repeatedCount - 5_000) < 2_000)
  }

  @Test func theOrderOfCountingChangesNothing() {
    let texts = (0..<3000).map { "t\($0 % 1700)" }
    let whole = Self.counted(texts, capacity: 100)
    #expect(Self.counted(texts.reversed(), capacity: 100) == whole)
    for count in [2, 3, 7] {
      var together = DistinctTexts(capacity: 100)
      for part in (0..<count).reversed() {
        together.merge(
          Self.counted(texts.indices.filter { $0 % count == part }.map { texts[$0] }, capacity: 100))
      }
      #expect(together == whole)
    }
  }

  @Test func longTextsAreCutWhereTheyAreShown() {
    let long = String(repeating: "가", count: 81)
    let found = Self.counted([long, long, long + "나"], capacity: 9)
    #expect(found.distinctCount == 2)
    #expect(found.mostFrequent(1)[0].text.unicodeScalars.count == 80)
  }
}

@Suite struct EvenSampleTests {
  @Test func theLowestPrioritiesStayInAnyOrder() {
    let priorities = (0..<1000).map { Hashing.mix(UInt64($0)) }
    let expected = priorities.sorted().prefix(7).map { $0 }
    for count in [1, 2, 5] {
      var together = EvenSample<UInt64>(capacity: 7)
      for part in (0..<count).reversed() {
        var own = EvenSample<UInt64>(capacity: 7)
        for index in priorities.indices where index % count == part {
          own.add(priorities[index], priority: priorities[index])
        }
        together.merge(own)
      }
      #expect(together.elements == expected)
    }
    #expect(EvenSample<Int>(capacity: 3).elements.isEmpty)
  }

  @Test func frequentCaptionsAreFoundAmongTooManyToCount() {
    var statistics = DataStatistics()
    for number in 0..<(DataStatistics.captionCapacity + 40_000) {
      let caption = number.isMultiple(of: 10) ? "image" : "t\(number)"
      statistics.captions.add(caption)
      statistics.occurrences.add(caption, priority: Hashing.mix(UInt64(number)))
    }
    #expect(!statistics.captions.isExact)
    let first = statistics.frequentCaptions(3).first
    #expect(first?.text == "image")
    #expect(abs((first?.count ?? 0) - 17_107) < 1_500)
  }
}
