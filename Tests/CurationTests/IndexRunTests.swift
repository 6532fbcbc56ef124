import Collectives
import Foundation
import ShardStream
import Testing

@testable import Curation

@Suite struct IndexRunTests {
  let shards: ShardFolder
  let urls: [URL]

  init() throws {
    let shards = try ShardFolder()
    self.shards = shards
    urls = try [0..<3, 3..<3, 3..<4, 4..<9].enumerated().map { number, samples in
      try shards.write("\(number).tar", ShardFolder.samples(samples) + [.init("z.txt", "alone")])
    }
  }

  private func run(worldSize: Int = 1, _ change: (inout IndexRun.Options) -> Void = { _ in }) throws
    -> IndexReport
  {
    var options = IndexRun.Options()
    change(&options)
    let (urls, chosen) = (urls, options)
    let outcomes = ThreadedCommunicator.runCollecting(worldSize: worldSize) {
      try IndexRun.run(urls, chosen, $0)
    }
    let reports = try outcomes.map { try $0.get() }
    #expect(reports.dropFirst().allSatisfy { $0 == nil })
    return try #require(reports[0])
  }

  private func sidecars() throws -> [Data] {
    try urls.map { try Data(contentsOf: URL(fileURLWithPath: $0.path + SidecarPlace.suffix)) }
  }

  private func field(_ report: IndexReport, _ name: String) throws -> Any? {
    try (JSONSerialization.jsonObject(with: Data(report.json.text.utf8)) as? [String: Any])?[name]
  }

  @Test(arguments: 1...4) func ranksDoNotMatter(worldSize: Int) throws {
    let alone = try run()
    let bytes = try sidecars()
    let report = try run(worldSize: worldSize) {
      $0.forces = true
      $0.threads = worldSize % 2 + 1
    }
    #expect(try sidecars() == bytes)
    #expect(try field(report, "samples") as? Int == 9 && field(alone, "samples") as? Int == 9)
    #expect(report.description.hasPrefix("9 samples in 4 shards: 0 ko, 9 en, 0 other"))
    #expect(report.description.contains("left out: 4 × missing_image, such as z, z, z"))
    let catalogue = try ShardCatalogue.load(urls)
    #expect(catalogue.sampleCounts == [3, 0, 1, 5])
    #expect(catalogue.shards.allSatisfy { $0.origin == .sidecar })
  }

  @Test func goesOnAndNoticesChanges() throws {
    #expect(try field(run { $0.checks = true }, "missing") as? [String] == urls.map(\.path))
    _ = try run()
    #expect(try run { $0.checks = true }.isInOrder)
    try FileManager.default.removeItem(atPath: urls[1].path + SidecarPlace.suffix)
    try shards.write("2.tar", ShardFolder.samples(20..<23))
    let check = try run { $0.checks = true }
    #expect(!check.isInOrder && check.description.contains("stale: \(urls[2].path): the shard has changed"))
    let second = try run()
    #expect(try field(second, "current") as? Int == 2)
    #expect(second.description.contains("written anew: \(urls[2].path)"))
    #expect(try run { $0.checks = true }.isInOrder)
  }

  /// In the middle of a shard, where a glance at its ends does not reach.
  @Test func checksSeeWhatAGlanceDoesNot() throws {
    let url = urls[3]
    try shards.write("3.tar", (0..<40).flatMap { ShardFolder.samples($0..<($0 + 1)) })
    _ = try run()
    var bytes = try Data(contentsOf: url)
    let caption = try #require(bytes.range(of: Data("caption 20".utf8)))
    bytes.replaceSubrange(caption, with: Data("빨간 고".utf8))
    try bytes.write(to: url)
    #expect(try ShardCatalogue.load([url]).shards[0].origin == .sidecar)
    #expect(try !run { $0.checks = true }.isInOrder)
  }

  @Test func incompleteDownloadsAreNamed() throws {
    for number in [0, 2, 3] {
      try Data(#"{"successes": 1}"#.utf8).write(to: shards.folder.file("\(number)_stats.json"))
    }
    let report = try run()
    #expect(try field(report, "incomplete") as? [String] == [urls[1].path])
    #expect(try field(report, "shards") as? Int == 4)
    #expect(try field(run { $0.skipsIncomplete = true }, "shards") as? Int == 3)
  }

  @Test func damagedShardsAreNamedAndIndexedUpToTheDamage() throws {
    try Data(Data(contentsOf: urls[3]).dropLast(3000)).write(to: urls[3])
    let report = try run()
    #expect(report.description.contains("damaged: \(urls[3].path): "))
    let catalogue = try ShardCatalogue.load(urls)
    #expect(catalogue.faults.count == 1 && catalogue.shards[3].origin == .sidecar)
  }

  @Test func indexesMayLieElsewhere() throws {
    let place = SidecarPlace(folder: shards.folder.path + "/indexes")
    _ = try run { $0.place = place }
    #expect(try ShardCatalogue.load(urls).shards[0].origin == .scan)
    #expect(try ShardCatalogue.load(urls, sidecars: place).shards.allSatisfy { $0.origin == .sidecar })
  }
}
