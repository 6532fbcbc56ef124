import Charts
import Collectives
import Foundation
import Imaging
import ShardStream
import TestFolders
import Testing
import Tokenization

@testable import Curation

/// A token a byte, between a start and an end.
private struct ByteTokens: CaptionEncoder {
  func encodeCaption(_ text: String, contextLength: Int) -> [Int32] {
    [1] + text.utf8.prefix(contextLength - 2).map(Int32.init) + [2]
  }
}

@Suite struct StatsTests {
  private typealias Member = ShardFolder.Member

  /// Three shards whose numbers can be counted by hand.
  private static func corpus(_ shards: ShardFolder) throws -> [URL] {
    let tagged = Member("c.json", #"{"language": "ko"}"#)
    // 70 kB of profile before the size, as some cameras write.
    let profile = [UInt8]([0xFF, 0xE2, 0xFF, 0xFF]) + [UInt8](repeating: 7, count: 65_533)
    let late = Array(ShardFolder.jpeg(40, 20)[..<2]) + profile + profile + ShardFolder.jpeg(40, 20)[2...]
    return [
      try shards.write(
        "0.tar",
        [
          Member("a.jpg", ShardFolder.jpeg(20, 10)), Member("a.txt", "빨간 사과"),
          Member("b.png", ShardFolder.png(10, 20)), Member("b.txt", "a red apple"),
          Member("c.jpg", late), Member("c.txt", "a red apple"), tagged,
        ]),
      try shards.write(
        "1.tar",
        [
          Member("d.jpg", ShardFolder.jpeg(30, 30)), Member("e.txt", "no picture"),
          Member("f.jpg", "<html>gone</html>"), Member("f.txt", "a red apple"),
          Member("g.jpg", ShardFolder.jpeg(30, 30)), Member("g.txt", [0x61, 0xFF]),
        ]),
      try shards.write("2.tar", []),
    ]
  }

  private static func gather(
    _ urls: [URL], ranks: Int = 1, threads: Int = 1, seed: UInt64 = 0, samples: Int = 16
  ) throws -> DataStatistics {
    var options = DataStatistics.Options()
    options.tokenizer = ByteTokens()
    options.seed = seed
    options.threads = threads
    options.samplesPerLanguage = samples
    let results = try ThreadedCommunicator.run(worldSize: ranks) { [options] in
      try DataStatistics.gather(urls, options, $0)
    }
    #expect(results.dropFirst().allSatisfy { $0 == nil })
    return results[0]!
  }

  private static func pairs(_ histogram: IntegerHistogram) -> [[Int]] {
    histogram.values.map { [$0.value, $0.count] }
  }

  @Test func numbersAreThoseCountedByHand() throws {
    let shards = try ShardFolder()
    let found = try Self.gather(try Self.corpus(shards))
    #expect(found.shardCount == 3 && found.sampleCount == 5)
    #expect(found.counts(.language) == ["ko": 2, "en": 2, "other": 1])
    #expect(found.counts(.format) == ["jpeg": 3, "png": 1])
    #expect(found.counts(.rejected) == ["missing_text": 1, "missing_image": 1])
    #expect(found.counts(.badImage) == ["image_unknown_format": 1])
    #expect(found.counts(.badCaption) == ["caption_not_utf8": 1])
    #expect(found.counts(.damaged) == [:])
    let widths = found.histogram(.imageWidth)
    #expect(widths.values.map(\.value) == [10, 20, 30, 40] && widths.mean == 25)
    #expect(found.histogram(.imageAspect).values.map(\.value) == [500, 1000, 2000])
    #expect(found.histogram(.imagePixels).sum == 200 + 200 + 800 + 900)
    #expect(found.histogram(.imageBytes).count == 5)
    #expect(Self.pairs(found.histogram(.captionCharacters)) == [[5, 1], [11, 3]])
    #expect(Self.pairs(found.histogram(.captionTokens)) == [[13, 3], [15, 1]])
    #expect(found.histogram(.samplesPerShard).values.map(\.value) == [0, 2, 3])
    #expect(found.captions.total == 4 && found.captions.distinctCount == 2)
    #expect(found.frequentCaptions(5) == [DistinctTexts.Entry(count: 3, text: "a red apple")])
  }

  @Test func theNumberOfRanksAndThreadsChangesNothing() throws {
    let shards = try ShardFolder()
    var urls = try Self.corpus(shards)
    for number in 0..<7 {
      let samples = ShardFolder.samples((10 * number)..<(10 * number + number))
      urls.append(try shards.write("more-\(number).tar", samples))
    }
    func text(_ found: DataStatistics) -> String {
      StatsReport(found, contextLength: 14).json.text
        + "\(found.picked.mapValues(\.elements).sorted { $0.key < $1.key })"
    }
    let alone = text(try Self.gather(urls, samples: 3))
    for (ranks, threads) in [(1, 3), (2, 1), (3, 1), (3, 2), (11, 1)] {
      #expect(text(try Self.gather(urls, ranks: ranks, threads: threads, samples: 3)) == alone)
    }
    #expect(text(try Self.gather(urls, seed: 1, samples: 3)) != alone)
  }

  @Test func damageIsCountedAndWhatLiesBeforeItIsUsed() throws {
    let shards = try ShardFolder()
    let url = try shards.write("0.tar", ShardFolder.samples(0..<3))
    try Data(contentsOf: url).dropLast(1024 + 512).write(to: url)
    let found = try Self.gather([url])
    #expect(found.sampleCount == 2 && found.counts(.damaged) == ["tar_truncated_member": 1])
  }

  @Test func theReportNamesWhatThereIs() throws {
    let shards = try ShardFolder()
    let urls = try Self.corpus(shards)
    let report = StatsReport(try Self.gather(urls), contextLength: 14)
    for part in ["5 samples in 3 shards", "3 × a red apple", "missing_text 1", "1 captions (25.0 %)"] {
      #expect(report.description.contains(part), "\(part)")
    }
    let object = try JSONSerialization.jsonObject(with: Data(report.json.text.utf8)) as? [String: Any]
    let tokens = object?["caption_tokens"] as? [String: Any]
    #expect(tokens?["longer_than_context"] as? Int == 1 && tokens?["median"] as? Int == 13)
    let aspect = object?["image_aspect"] as? [String: Any]
    #expect(aspect?["min"] as? Double == 0.5 && aspect?["max"] as? Double == 2)
    #expect((tokens?["bin_counts"] as? [Int])?.reduce(0, +) == 4)
  }

  @Test func nothingIsReportedOfNothing() throws {
    let report = StatsReport(try Self.gather([]), contextLength: nil)
    #expect(report.description.contains("0 samples in 0 shards"))
    #expect(report.json.text.contains(#""image_width": null"#))
    #expect(report.chart(title: "none").panels.count == 3)
  }

  @Test(
    .enabled(
      if: ChartFont.candidates.contains { FileManager.default.fileExists(atPath: $0) },
      "needs fonts-nanum or fonts-dejavu-core"))
  func thePicturesShowEveryMeasureAndLanguage() throws {
    let shards = try ShardFolder()
    let urls = try Self.corpus(shards)
    let report = StatsReport(try Self.gather(urls), contextLength: 14)
    #expect(report.chart(title: "corpus").panels.count == 3 + DataMeasure.allCases.count)
    let sheet = try report.samples(title: "corpus", shards: urls)
    #expect(sheet.groups.map(\.title) == ["한국어 ko", "English en", "other"])
    #expect(sheet.groups.map(\.tiles.count) == [2, 2, 1])
    let broken = sheet.groups[1].tiles.filter { $0.picture == nil }
    #expect(broken.map(\.note) == ["image_unknown_format"])
    let font = try ChartFont.open()
    #expect(report.chart(title: "corpus").draw(font: font).height > 4 * ChartSheet.panelHeight)
    #expect(sheet.draw(font: font).width > 0)
  }
}
