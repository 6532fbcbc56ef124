import Basics
import Captions
import Collectives
import Foundation
import Synchronization
import TestFolders
import Testing

@testable import ShardStream

@Suite struct SampleSourceTests {
  private func writeSidecars(_ corpus: TestCorpus) throws {
    for shard in corpus.source.catalogue.shards {
      let bytes = ShardSidecar.encode(try ShardScan(path: shard.path))
      try Data(bytes).write(to: URL(fileURLWithPath: SidecarPlace.beside.path(ofShard: shard.path)))
    }
  }

  private func urls(_ corpus: TestCorpus) -> [URL] { corpus.source.catalogue.shards.map(\.url) }

  @Test(arguments: 1...4, [false, true]) func everyRankHasTheSameCatalogue(
    worldSize: Int, hasSidecars: Bool
  ) throws {
    let corpus = try TestCorpus(shards: [3, 0, 1, 2, 5])
    defer { withExtendedLifetime(corpus) {} }
    if hasSidecars { try writeSidecars(corpus) }
    let urls = urls(corpus)
    let outcomes = ThreadedCommunicator.runCollecting(worldSize: worldSize) {
      try ShardCatalogue.load(urls, communicator: $0)
    }
    for outcome in outcomes {
      let catalogue = try outcome.get()
      #expect(catalogue.sampleCounts == [3, 0, 1, 2, 5] && catalogue.sampleCount == 11)
      #expect(catalogue.shards.map(\.path) == urls.map(\.path))
      #expect(catalogue.shards.allSatisfy { $0.origin == (hasSidecars ? .sidecar : .scan) })
      #expect(catalogue.shards.map(\.languageCounts) == corpus.source.catalogue.shards.map(\.languageCounts))
      #expect(catalogue.digest == corpus.source.catalogue.digest)
    }
  }

  @Test func errorsAndOtherListsAreAgreedOn() throws {
    let corpus = try TestCorpus(shards: [1, 1, 1])
    defer { withExtendedLifetime(corpus) {} }
    let urls = urls(corpus)
    let lists = ThreadedCommunicator.runCollecting(worldSize: 3) {
      try ShardCatalogue.load($0.rank == 2 ? Array(urls.reversed()) : urls, communicator: $0)
    }
    for outcome in lists {
      let error = #expect(throws: KelipError.self) { try outcome.get() }
      #expect(error?.isAgreed == true && error?.message.contains("rank 2") == true)
    }
    try FileManager.default.removeItem(at: urls[1])
    let missing = ThreadedCommunicator.runCollecting(worldSize: 2) {
      try ShardCatalogue.load(urls, communicator: $0)
    }
    for outcome in missing {
      let error = #expect(throws: KelipError.self) { try outcome.get() }
      #expect(error?.isAgreed == true && error?.location == urls[1].path)
    }
  }

  @Test func aChangedShardIsNoticed() throws {
    let corpus = try TestCorpus(shards: [2, 2])
    defer { withExtendedLifetime(corpus) {} }
    try writeSidecars(corpus)
    let urls = urls(corpus)
    let attributes = try FileManager.default.attributesOfItem(atPath: urls[0].path)
    let old = try ShardCatalogue.load(urls)
    var bytes = try Data(contentsOf: urls[0])
    let name = try #require(bytes.range(of: Data("k0.jpg".utf8)))
    bytes.replaceSubrange(name, with: Data("j0.jpg".utf8))
    // The header's checksum is a sum: one letter back there, one on here.
    bytes[name.lowerBound + 90] += 1
    try bytes.write(to: urls[0])
    try FileManager.default.setAttributes(
      [.modificationDate: attributes[.modificationDate]!], ofItemAtPath: urls[0].path)

    let changed = try ShardCatalogue.load(urls)
    #expect(changed.shards[1].origin == .sidecar)
    #expect(changed.warnings.count == 1 && changed.warnings[0].contains("has changed"))
    let error = #expect(throws: KelipError.self) {
      try SampleSource(catalogue: old).key(SampleID(shard: 0, index: 0))
    }
    #expect(error?.location == urls[0].path)
    #expect(try SampleSource(catalogue: old).key(SampleID(shard: 1, index: 0)) == "k2")
  }

  @Test func aShardThatGrowsWhileItIsReadIsNoticed() throws {
    let corpus = try TestCorpus(shards: [2])
    defer { withExtendedLifetime(corpus) {} }
    let source = SampleSource(catalogue: corpus.source.catalogue)
    let sample = SampleID(shard: 0, index: 0)
    let members = try source.members(sample)
    let url = urls(corpus)[0]
    try (try Data(contentsOf: url) + Data(count: 512)).write(to: url)
    #expect(throws: KelipError.self) { try source.bytes(members.text!, of: sample) }
  }

  @Test func aTouchedOrCopiedShardKeepsItsSidecar() throws {
    let corpus = try TestCorpus(shards: [2])
    defer { withExtendedLifetime(corpus) {} }
    try writeSidecars(corpus)
    let url = urls(corpus)[0]
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: url.path)
    #expect(try ShardCatalogue.load([url]).shards[0].origin == .sidecar)
  }

  @Test func aSidecarThatGoesIsToldAndTheShardReadInstead() throws {
    let corpus = try TestCorpus(shards: [2])
    defer { withExtendedLifetime(corpus) {} }
    try writeSidecars(corpus)
    let warnings = Collected()
    let source = SampleSource(catalogue: try ShardCatalogue.load(urls(corpus)), warn: warnings.add)
    try FileManager.default.removeItem(
      atPath: SidecarPlace.beside.path(ofShard: urls(corpus)[0].path))
    #expect(try source.key(SampleID(shard: 0, index: 1)) == "k1")
    #expect(warnings.all.count == 1)
  }

  @Test func sidecarsMayLieInAFolderOfTheirOwn() throws {
    let corpus = try TestCorpus(shards: [2])
    defer { withExtendedLifetime(corpus) {} }
    let url = urls(corpus)[0]
    let place = SidecarPlace(folder: corpus.folder.path + "/index")
    let path = place.path(ofShard: url.path)
    #expect(path == corpus.folder.path + "/index" + url.path + ".kelip-index")
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(ShardSidecar.encode(try ShardScan(path: url.path))).write(to: URL(fileURLWithPath: path))
    let catalogue = try ShardCatalogue.load([url], sidecars: place)
    #expect(catalogue.shards[0].origin == .sidecar)
    #expect(try SampleSource(catalogue: catalogue).key(SampleID(shard: 0, index: 1)) == "k1")
    #expect(try ShardCatalogue.load([url]).shards[0].origin == .scan)
  }
}

/// What several threads tell.
final class Collected: Sendable {
  private let texts = Mutex<[String]>([])
  var all: [String] { texts.withLock(\.self) }
  @Sendable func add(_ text: String) { texts.withLock { $0.append(text) } }
}

@Suite struct ShardTableCacheTests {
  private func table(_ count: Int) -> ShardTable {
    var table = ShardTable()
    for index in 0..<count {
      table.append(
        key: "\(index)".utf8,
        SampleMembers(
          image: MemberRange(offset: 512, size: 1), text: MemberRange(offset: 1536, size: 1), metadata: nil),
        .other)
    }
    return table
  }

  @Test func keepsTheMostRecentWithinItsBudget() throws {
    let one = table(10)
    let cache = ShardTableCache(budget: 3 * one.byteCount)
    let loads = Collected()
    func get(_ shard: Int) throws {
      _ = try cache.table(shard) {
        loads.add("\(shard)")
        return one
      }
    }
    for shard in [0, 1, 2, 0, 3, 0, 1, 4, 5, 6, 6] { try get(shard) }
    #expect(loads.all == ["0", "1", "2", "3", "1", "4", "5", "6"])
    #expect(cache.byteCount == 3 * one.byteCount)
  }

  @Test func aTableBeyondTheBudgetIsKeptAlone() throws {
    let cache = ShardTableCache(budget: 1)
    for shard in 0..<3 { #expect(try cache.table(shard) { table(shard) }.count == shard) }
    #expect(cache.byteCount == table(2).byteCount)
  }

  @Test func threadsThatWantOneTableLoadItOnce() throws {
    let cache = ShardTableCache(budget: 1 << 20)
    let loads = Collected()
    let counts = try concurrentMap(Array(0..<64), threads: 8) { number in
      try cache.table(number % 3) {
        loads.add("\(number % 3)")
        usleep(2000)
        return table(number % 3)
      }.count
    }
    #expect(counts == (0..<64).map { $0 % 3 })
    #expect(loads.all.sorted() == ["0", "1", "2"])
  }

  @Test func anErrorIsThrownAndTheNextTryLoads() throws {
    let cache = ShardTableCache(budget: 1 << 20)
    #expect(throws: KelipError.self) { try cache.table(0) { throw KelipError("no") } }
    #expect(try cache.table(0) { table(2) }.count == 2)
  }
}
