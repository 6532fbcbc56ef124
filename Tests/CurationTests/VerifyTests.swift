import Collectives
import Foundation
import ShardStream
import TestFolders
import Testing

@testable import Curation

@Suite struct VerifyTests {
  private typealias Member = ShardFolder.Member

  private struct Outcome {
    var result: DataVerification
    var findings: [VerifyFinding] = []
    var text: String { result.json.text + findings.map(\.line.text).joined(separator: "\n") }
  }

  private static func verify(
    _ urls: [URL], decodes: Bool = true, ranks: Int = 1, threads: Int = 1
  ) throws -> Outcome {
    var options = DataVerification.Options()
    options.decodes = decodes
    options.threads = threads
    options.imageSize = 8
    let outcomes = try ThreadedCommunicator.run(worldSize: ranks) { [options] communicator in
      var findings: [VerifyFinding] = []
      let result = try DataVerification.run(urls, options, communicator) { findings.append($0) }
      #expect((result != nil) == communicator.isLeader && (communicator.isLeader || findings.isEmpty))
      return result.map { Outcome(result: $0, findings: findings) }
    }
    return outcomes[0]!
  }

  /// One shard for each kind of damage, and sound ones between them.
  private static func damaged(_ shards: ShardFolder) throws -> [URL] {
    let cut = try shards.write("cut.tar", ShardFolder.samples(0..<3))
    try Data(contentsOf: cut).dropLast(1024 + 512).write(to: cut)
    let open = try shards.write("open.tar", ShardFolder.samples(10..<12))
    try Data(contentsOf: open).dropLast(1024).write(to: open)
    let broken = try shards.write("broken.tar", ShardFolder.samples(20..<22))
    var bytes = try Data(contentsOf: broken)
    bytes[0] ^= 1
    try bytes.write(to: broken)
    let bad = try shards.write(
      "bad.tar",
      [
        Member("x.jpg", Array(ShardFolder.jpeg(8, 8).dropLast(20))), Member("x.txt", "cut"),
        Member("y.jpg", ShardFolder.jpeg(8, 8)), Member("y.txt", [0xFF]),
        Member("z.jpg", ShardFolder.jpeg(8, 8)), Member("z.png", ShardFolder.png(8, 8)),
        Member("page.jpg", "<html>"), Member("page.txt", "page"),
      ])
    let sound = try (0..<4).map {
      try shards.write("s\($0).tar", ShardFolder.samples((30 * ($0 + 1))..<(30 * ($0 + 1) + 2)))
    }
    return [sound[0], cut, open, sound[1], broken, shards.folder.file("absent.tar"), bad, sound[2], sound[3]]
  }

  @Test(arguments: [true, false])
  func soundShardsAreSound(decodes: Bool) throws {
    let shards = try ShardFolder()
    let urls = try (0..<3).map {
      try shards.write("\($0).tar", ShardFolder.samples((5 * $0)..<(5 * $0 + $0)))
    }
    let outcome = try Self.verify(urls, decodes: decodes)
    #expect(outcome.result.isSound && outcome.findings.isEmpty)
    #expect(outcome.result.sampleCount == 3 && outcome.result.shardCount == 3)
    #expect(outcome.result.description.contains("sound"))
    #expect(outcome.result.json.text.contains(#""sound": true"#))
  }

  @Test func everyDamageHasItsReason() throws {
    let shards = try ShardFolder()
    let outcome = try Self.verify(try Self.damaged(shards))
    #expect(
      outcome.findings.map { "\(($0.shard as NSString).lastPathComponent) \($0.key ?? "-") \($0.reason)" }
        == [
          "cut.tar k2 missing_text", "cut.tar - tar_truncated_member", "open.tar - tar_missing_end",
          "broken.tar - tar_bad_checksum", "absent.tar - shard_unreadable", "bad.tar x image_truncated",
          "bad.tar y caption_not_utf8", "bad.tar z missing_text", "bad.tar page image_unknown_format",
        ])
    let result = outcome.result
    #expect(result.sampleCount == 4 * 2 + 2 + 2 + 0 + 3)
    #expect(result.damagedCount == 4 && result.rejectedCount == 2 && result.badCount == 3)
    #expect(result.reasons["missing_text"]?.count == 2 && result.reasons["missing_text"]?.shardCount == 2)
    #expect(result.damage.count == 4 && !result.isSound)
    #expect(result.description.contains("absent.tar"))
  }

  @Test func withoutDecodingSamplesAreNotLookedInto() throws {
    let shards = try ShardFolder()
    let outcome = try Self.verify(try Self.damaged(shards), decodes: false)
    #expect(outcome.result.badCount == 0 && outcome.result.rejectedCount == 2)
  }

  @Test func theNumberOfRanksAndThreadsChangesNothing() throws {
    let shards = try ShardFolder()
    let urls = try Self.damaged(shards)
    let alone = try Self.verify(urls).text
    for (ranks, threads) in [(1, 4), (2, 1), (3, 1), (3, 2), (12, 1)] {
      #expect(try Self.verify(urls, ranks: ranks, threads: threads).text == alone)
    }
  }

  @Test func findingsAreBoundedAndCountedInFull() throws {
    let shards = try ShardFolder()
    let url = try shards.write("0.tar", (0..<1500).map { Member("k\($0).txt", "") })
    let outcome = try Self.verify([url])
    #expect(outcome.findings.count == ShardVerdict.findingLimit)
    #expect(outcome.result.rejectedCount == 1500)
    #expect(outcome.result.reasons["missing_image"]?.count == 1500)
  }

  @Test func theSameKeyAgainIsToldButIsNoDamage() throws {
    let shards = try ShardFolder()
    let urls = try [(0, 0..<3), (1, 2..<5), (2, 2..<3)].map {
      try shards.write("\($0.0).tar", ShardFolder.samples($0.1))
    }
    for ranks in [1, 2] {
      let result = try Self.verify(urls, ranks: ranks).result
      #expect(result.isSound && result.keys.repeatedCount == 1)
      #expect(result.description.contains("k2 (3 times)"))
    }
  }

  @Test func aShardWithoutItsRecordIsIncomplete() throws {
    let shards = try ShardFolder()
    let urls = try (0..<4).map { try shards.write("0000\($0).tar", ShardFolder.samples(0..<2)) }
    #expect(try Self.verify(urls).result.isSound)
    for (name, text) in [(0, #"{"successes": 2}"#), (2, #"{"successes": 3}"#), (3, "{")] {
      try Data(text.utf8).write(to: shards.folder.file("0000\(name)_stats.json"))
    }
    let outcome = try Self.verify(urls)
    #expect(
      outcome.findings.map(\.reason) == ["shard_incomplete", "stats_count_differs", "stats_unreadable"])
    #expect(outcome.findings.allSatisfy { $0.key == nil } && outcome.result.damagedCount == 3)
  }

  /// A frame that is damaged at its end loses the samples that were read before: the same ones for all.
  @Test func compressedShardsHaveTheSamplesThatTrainingSees() throws {
    let shards = try ShardFolder()
    let url = try shards.write("0.tar.zst", ShardFolder.samples(0..<40))
    let whole = try Data(contentsOf: url)
    var lost = 0
    for place in stride(from: 20, to: whole.count, by: whole.count / 7) {
      var bytes = whole
      bytes[place] ^= 0x10
      try bytes.write(to: url)
      let expected = try ShardCatalogue.load([url]).sampleCount
      let outcome = try Self.verify([url], decodes: false)
      #expect(outcome.result.sampleCount == expected, "byte \(place)")
      #expect(try Self.verify([url]).result.sampleCount == expected, "byte \(place)")
      if expected < 40 { #expect(!outcome.result.isSound) }
      lost += 40 - expected
    }
    #expect(lost > 0)
    try whole.write(to: url)
    #expect(try Self.verify([url]).result.isSound)
  }

  @Test func anIndexThatDoesNotFitIsTold() throws {
    let shards = try ShardFolder()
    var members = ShardFolder.samples(0..<40)
    let urls = try (0..<4).map { try shards.write("\($0).tar", members) }
    _ = try IndexRun.run(Array(urls[..<3]), IndexRun.Options(), SoloCommunicator())
    #expect(try Self.verify(urls).result.isSound)
    // In the middle, where the identity of a shard does not look.
    for index in [40, 41] { members[index].name = "q" + members[index].name.dropFirst() }
    try shards.write("0.tar", members)
    try shards.write("1.tar", ShardFolder.samples(0..<3))
    let sidecar = SidecarPlace.beside.path(ofShard: urls[2].path)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: sidecar))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: sidecar))
    let outcome = try Self.verify(urls)
    #expect(outcome.findings.map(\.reason) == ["index_differs", "index_stale", "index_damaged"])
    #expect(!outcome.result.isSound && outcome.result.damagedCount == 0)
  }

  @Test func linesReadAsTheTrainersDo() {
    let sample = VerifyFinding(shard: "a.tar", key: "k\"1", reason: "image_truncated")
    #expect(sample.line.text == #"{"key": "k\"1", "shard": "a.tar", "reason": "image_truncated"}"#)
    let shard = VerifyFinding(shard: "a.tar", reason: "tar_missing_end", detail: "at byte 1")
    #expect(shard.line.text == #"{"shard": "a.tar", "reason": "tar_missing_end", "detail": "at byte 1"}"#)
  }
}
