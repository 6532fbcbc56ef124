import Basics
import Collectives
import Foundation
import Imaging
import ShardStream
import TestFolders
import Testing

@testable import Curation

@Suite struct FilterRunTests {
  private static let yaml = """
    rules:
      - min_side: 40
      - max_aspect: 3
      - clean_caption: [html, whitespace]
      - caption_characters: [3, 100]
      - exact_duplicates: picture
      - near_duplicates: 4
      - max_caption_repeats: 2
      - languages: [ko, en]
    """

  private static func rules() throws -> FilterRules {
    try FilterRules(yaml: yaml, source: "rules", folder: URL(fileURLWithPath: "/"))
  }

  /// Four shards: good samples, and one or more for each rule. What each sample is stands in its key.
  private func corpus(_ folder: TemporaryFolder) throws -> [URL] {
    var shards: [[TestSample]] = [[], [], [], []]
    for number in 0..<70 {
      shards[number % 3].append(
        TestSample(
          key: "good\(number)", picture: testJPEG(number),
          caption: number % 2 == 0 ? "  picture <b>number</b> \(number) of a street" : "\(number)번 그림입니다",
          json: number % 5 == 0 ? #"{"url": "http://x/\#(number)", "n": \#(number), "language": "en"}"# : nil)
      )
    }
    func add(_ shard: Int, _ key: String, _ picture: [UInt8], _ caption: String) {
      shards[shard].append(TestSample(key: key, picture: picture, caption: caption))
    }
    add(0, "small", testJPEG(200, width: 60, height: 39), "too small a picture")
    add(1, "long", testJPEG(201, width: 300, height: 60), "too long a picture")
    add(2, "short", testJPEG(202), "<i>x</i>")
    add(2, "empty", testJPEG(203), "<p></p>")
    add(1, "same", testJPEG(3), "the very same picture")
    add(2, "reencoded", testJPEG(4, quality: 60), "encoded anew")
    add(2, "resized", testJPEG(5, width: 72, height: 60), "made smaller")
    add(3, "resized-small", testJPEG(5, width: 48, height: 39), "too small before it is a duplicate")
    for copy in 0..<5 { add(3, "repeat\(copy)", testJPEG(300 + copy), "repeated <b>caption</b>") }
    add(3, "french", testJPEG(400), "une photographie de la maison bleue avec un jardin derrière les arbres")
    add(3, "broken", Array(testJPEG(401).dropLast(40)), "a truncated picture")
    add(3, "page", Array("<html>not found</html>".utf8), "a page")
    return try shards.enumerated().map { number, samples in
      let url = folder.file("\(number).tar")
      try writeShard(samples, to: url)
      return url
    }
  }

  private func run(
    _ shards: [URL], _ output: URL, ranks: Int, samplesPerShard: Int = 16, stopper: Stopper? = nil
  ) throws -> FilterReport {
    try ThreadedCommunicator.run(worldSize: ranks) { communicator in
      let options = FilterOptions(
        shards: shards, output: output, samplesPerShard: samplesPerShard, font: font,
        didWrite: { try stopper?.didWrite($0) })
      return try FilterRun(Self.rules(), options, communicator: communicator).run()
    }[0]
  }

  @Test func everyRuleDropsWhatItShould() throws {
    let folder = try TemporaryFolder()
    let report = try run(try corpus(folder), folder.file("out"), ranks: 1)
    let dropped = Dictionary(uniqueKeysWithValues: report.rules.map { ($0.rule, $0.dropped) })
    #expect(
      dropped == [
        "min_side": 2, "max_aspect": 1, "clean_caption": 1, "caption_characters": 1, "exact_duplicates": 1,
        "near_duplicates": 2, "max_caption_repeats": 3, "languages": 1,
      ])
    #expect(report.unreadable == ["image_truncated": 1, "image_unknown_format": 1])
    #expect(report.kept == 72 && report.samples == 86 && report.outputShards == 5)
    #expect(report.before.samples == 84 && report.after.languages["other"] == 0)
    let samples = try readShards(folder.file("out"))
    #expect(samples.count == 72)
    let originals = samples.map { $0.object["original_key"] as? String ?? "" }
    let kept = Set((0..<70).map { "good\($0)" } + ["repeat0", "repeat1"])
    #expect(Set(originals) == kept)
    // In the order of shards and samples.
    #expect(originals.prefix(24) == (0..<24).map { "good\(3 * $0)" }[...])
  }

  @Test func samplesAreWrittenWithWhatIsKnownOfThem() throws {
    let folder = try TemporaryFolder()
    _ = try run(try corpus(folder), folder.file("out"), ranks: 1)
    let samples = try readShards(folder.file("out"))
    #expect(samples.map(\.key) == samples.indices.map { "0000\($0 / 16)" + String(format: "%04d", $0 % 16) })
    let sample = samples[0]
    #expect(sample.caption == "picture number 0 of a street" && sample.picture == testJPEG(0))
    #expect(sample.object["caption"] as? String == sample.caption)
    #expect(sample.object["key"] as? String == "000000000" && sample.object["n"] as? Int == 0)
    #expect(sample.object["url"] as? String == "http://x/0" && sample.object["language"] as? String == "en")
    #expect(sample.object["sha256"] as? String == SHA256Hasher.hexDigest(of: sample.picture))
    #expect(samples[1].object["language"] as? String == "ko")
  }

  @Test func theResultDoesNotDependOnRanks() throws {
    let folder = try TemporaryFolder()
    let shards = try corpus(folder)
    let reports = try [1, 2, 3, 5].map { try run(shards, folder.file("out\($0)"), ranks: $0) }
    let first = try folder.contents(of: "out1")
    #expect(
      Set(first.keys)
        == Set(
          (0..<5).map { "0000\($0).tar" } + [
            "report.json", "report.png", "report.txt", ".work/plan",
          ]))
    for ranks in [2, 3, 5] {
      #expect(try folder.contents(of: "out\(ranks)") == first)
    }
    #expect(reports.allSatisfy { $0 == reports[0] })
  }

  @Test func aStoppedFilterGoesOn() throws {
    let folder = try TemporaryFolder()
    let shards = try corpus(folder)
    _ = try run(shards, folder.file("whole"), ranks: 2)
    let whole = try folder.contents(of: "whole")
    var starts = 0
    for (number, limits) in [[1, 1, 1, 1, 1, 1, 1], [3, 4], [6, 2], [12], [13], [15]].enumerated() {
      for (index, limit) in limits.enumerated() {
        let ranks = 1 + (number + index) % 3
        let stopper = Stopper(after: limit)
        starts += 1
        do {
          _ = try run(shards, folder.file("stopped\(number)"), ranks: ranks, stopper: stopper)
        } catch let error as KelipError {
          #expect(error.message.hasSuffix("stopped"))
        }
      }
      _ = try run(shards, folder.file("stopped\(number)"), ranks: 1 + number % 3)
      #expect(try folder.contents(of: "stopped\(number)") == whole)
    }
    #expect(starts == 14)
    // Once more changes nothing and gives the same report.
    let again = try run(shards, folder.file("whole"), ranks: 1)
    #expect(try folder.contents(of: "whole") == whole && again.kept == 72)
  }

  @Test func anotherCommandInTheSameFolderIsRefused() throws {
    let folder = try TemporaryFolder()
    let shards = try corpus(folder)
    _ = try run(shards, folder.file("out"), ranks: 1)
    for ranks in [1, 2] {
      #expect {
        _ = try run(shards, folder.file("out"), ranks: ranks, samplesPerShard: 17)
      } throws: {
        ($0 as? KelipError)?.message.contains("samples_per_shard: 16") == true
      }
    }
    try writeShard([TestSample(picture: testJPEG(1), caption: "changed since")], to: shards[2])
    #expect(throws: KelipError.self) { try run(shards, folder.file("out"), ranks: 1) }
    try folder.write("mine", as: "full/notes.txt")
    #expect(throws: KelipError.self) { try run(shards, folder.file("full"), ranks: 1) }
  }

  @Test func nothingKeptAndNothingThereAreNoErrors() throws {
    let folder = try TemporaryFolder()
    try writeShard([], to: folder.file("empty.tar"))
    try writeShard([TestSample(picture: testJPEG(1), caption: "<p>")], to: folder.file("one.tar"))
    let report = try run([folder.file("empty.tar"), folder.file("one.tar")], folder.file("out"), ranks: 3)
    #expect(report.kept == 0 && report.outputShards == 0 && report.samples == 1)
    #expect(try readShards(folder.file("out")).isEmpty)
  }

  @Test func aDamagedShardIsUsedUpToTheDamage() throws {
    let folder = try TemporaryFolder()
    let shards = try corpus(folder)
    let bytes = try Data(contentsOf: shards[3])
    try bytes.prefix(bytes.count - 6000).write(to: shards[3])
    let report = try run(shards, folder.file("out"), ranks: 2)
    #expect(report.damaged.count == 1 && report.damaged[0].contains("3.tar"))
    #expect(report.kept > 70)
  }
}

@Suite struct SimilarityTests {
  /// Says what its captions say.
  private final class Stated: PairScorer {
    let preparation = ImagePreparation(size: 8)
    private let calls = Counter()

    func similarities(pixels: [Float], captions: [String]) -> [Float] {
      precondition(pixels.count == captions.count * 3 * 64)
      return captions.map { Float($0.split(separator: " ").last!)! }
    }
  }

  @Test func pairsBelowTheThresholdGo() throws {
    let folder = try TemporaryFolder()
    let samples = (0..<150).map {
      TestSample(
        key: "s\($0)", picture: testJPEG($0, width: 20, height: 20), caption: "of \(Double($0) / 150)")
    }
    try writeShard(samples, to: folder.file("a.tar"))
    for name in ["c", "w", "t"] { try folder.write(name, as: name) }
    let rules = try FilterRules(
      yaml: "rules: [{min_similarity: {ko: 0.9, en: 0.5}}]\nmodel: {config: c, weights: w, tokenizer: t}",
      source: "rules", folder: folder.url)
    let options = FilterOptions(shards: [folder.file("a.tar")], output: folder.file("out"), font: font)
    let report = try FilterRun(rules, options, scorer: Stated(), communicator: SoloCommunicator()).run()
    #expect(report.kept == 75 && report.rules[0].dropped == 75)
    #expect(report.after.distributions["similarity"]?.count == 75)
    #expect(report.limits["similarity"] == [0.9, 0.5])
    let kept = try readShards(folder.file("out"))
    #expect(kept.first?.caption == "of 0.5" && kept.first?.object["similarity"] as? Double == 0.5)
  }
}
