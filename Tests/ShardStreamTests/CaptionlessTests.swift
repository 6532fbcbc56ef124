import Basics
import Captions
import Foundation
import Imaging
import TestFolders
import Testing

@testable import ShardStream

@Suite struct CaptionlessTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Members' names, each with its own name as content, unless another is given.
  private static let members: [(name: String, content: String?)] = [
    ("a.jpg", nil), ("a.txt", "a red apple on the table"), ("b.jpg", nil), ("c.txt", nil), ("d.png", nil),
    ("d.json", #"{"language": "ko"}"#), ("e.jpg", nil), ("e.jpg", nil), ("f.json", "{}"), ("f.txt", "바나나"),
    ("f.webp", nil), ("g.json", "{}"), ("g.jpg", nil),
  ]

  private func shard() throws -> URL {
    var tar = TestTar()
    for (name, content) in Self.members { tar.add(name, content ?? name) }
    tar.end()
    return try folder.write(tar, as: "a.tar")
  }

  private func keys(_ catalogue: ShardCatalogue) throws -> [String] {
    let table = try SampleSource(catalogue: catalogue).table(0)
    return (0..<table.count).map(table.key)
  }

  private func write(_ sidecar: [UInt8], for shard: URL) throws {
    try Data(sidecar).write(to: URL(fileURLWithPath: SidecarPlace.beside.path(ofShard: shard.path)))
  }

  @Test func picturesCountWithAndWithoutCaptions() throws {
    let url = try shard()
    let pairs = try ShardCatalogue.load([url])
    #expect(try keys(pairs) == ["a", "f"] && pairs.languageCounts == [1, 1, 0])
    #expect(pairs.rejectedCounts == [.missingText: 3, .missingImage: 1, .duplicateExtension: 1])
    let pictures = try ShardCatalogue.load([url], of: .pictures)
    #expect(try keys(pictures) == ["a", "b", "d", "f", "g"] && pictures.languageCounts == [2, 1, 2])
    #expect(pictures.rejectedCounts == [.missingImage: 1, .duplicateExtension: 1])
    let table = try SampleSource(catalogue: pictures).table(0)
    #expect((0..<5).map { table.members($0).text == nil } == [false, true, true, false, true])
    #expect((0..<5).map { table.members($0).metadata == nil } == [true, true, false, false, false])
    let file = try ShardFile(url: url)
    let image = try file.bytes(table.members(4).image)
    #expect(String(decoding: image, as: UTF8.self) == "g.jpg")
  }

  @Test func anIndexTellsWhatTheShardTells() throws {
    let url = try shard()
    let scanned = try [SampleKind.pairs, .pictures].map { try ShardCatalogue.load([url], of: $0) }
    let outcome = try SidecarUpkeep(.beside).update(url.path)
    #expect(outcome.state == .missing && outcome.summary.captionlessCounts == [1, 0, 2])
    #expect(try SidecarUpkeep(.beside).check(url.path).state == .current)
    for (catalogue, kind) in zip(scanned, [SampleKind.pairs, .pictures]) {
      let indexed = try ShardCatalogue.load([url], of: kind)
      #expect(indexed.shards[0].origin == .sidecar && indexed.warnings.isEmpty)
      #expect(indexed.digest == catalogue.digest && indexed.rejectedCounts == catalogue.rejectedCounts)
      #expect(
        try SampleSource(catalogue: indexed).table(0) == SampleSource(catalogue: catalogue).table(0))
    }
  }

  /// Indexes of earlier releases pass pictures without a caption over.
  @Test func anIndexOfPairsIsNoneOfPictures() throws {
    let url = try shard()
    try write(ShardSidecar.encode(try ShardScan(path: url.path), ofPairs: true), for: url)
    #expect(try ShardCatalogue.load([url]).shards[0].origin == .sidecar)
    let pictures = try ShardCatalogue.load([url], of: .pictures)
    #expect(try keys(pictures).count == 5)
    #expect(pictures.warnings.first?.contains("format 1") == true)
    #expect(try SidecarUpkeep(.beside).update(url.path).state != .current)
    #expect(try ShardCatalogue.load([url], of: .pictures).shards[0].origin == .sidecar)
  }

  /// Where every picture has a caption nothing changes, the indexes' format included.
  @Test func anIndexWithoutSuchPicturesServesBoth() throws {
    var tar = TestTar()
    for name in ["a.jpg", "a.txt", "b.txt"] { tar.add(name, name) }
    tar.end()
    let url = try folder.write(tar, as: "a.tar")
    let bytes = ShardSidecar.encode(try ShardScan(path: url.path))
    #expect(bytes[8] == 1)
    try write(bytes, for: url)
    for kind in [SampleKind.pairs, .pictures] {
      let catalogue = try ShardCatalogue.load([url], of: kind)
      #expect(try keys(catalogue) == ["a"] && catalogue.shards[0].origin == .sidecar)
    }
  }

  @Test func aPictureWhoseCaptionIsCutOffIsAPicture() throws {
    var tar = TestTar()
    for name in ["a.jpg", "a.txt", "b.jpg", "b.txt"] { tar.add(name, name) }
    tar.bytes.removeLast(510)
    let url = try folder.write(tar, as: "a.tar")
    #expect(try keys(ShardCatalogue.load([url])) == ["a"])
    #expect(try keys(ShardCatalogue.load([url], of: .pictures)) == ["a", "b"])
  }

  /// Every other picture without a caption, and captions that no pair may have.
  private func pictureShard() throws -> URL {
    var tar = TestTar()
    for number in 0..<14 {
      tar.add("k\(number).jpg", JPEGEncoder.encode(TestCorpus.picture(number), quality: 90))
      if number.isMultiple(of: 2) { tar.add("k\(number).txt", [0x61, 0xFF]) }
    }
    tar.end()
    return try folder.write(tar, as: "a.tar")
  }

  private func options(_ catalogue: ShardCatalogue, rank: Int = 0, worldSize: Int = 1) throws -> LoaderOptions
  {
    LoaderOptions(
      order: try GlobalOrder(
        seed: 5, shardSampleCounts: catalogue.sampleCounts, globalBatchSize: 6, canonicalStreams: 3,
        shuffleWindow: 4),
      source: SampleSource(catalogue: catalogue), encoder: ByteEncoder(), crops: [LoaderTests.crop],
      needsCaptions: false, contextLength: 24, rank: rank, worldSize: worldSize, threads: 0)
  }

  @Test func aLoaderWithoutCaptionsReadsEveryPicture() throws {
    let catalogue = try ShardCatalogue.load([pictureShard()], of: .pictures)
    #expect(catalogue.sampleCount == 14)
    let loader = try Loader(try options(catalogue))
    var counts: [String: Int] = [:]
    for _ in 0..<7 {
      let batch = try loader.next()
      #expect(batch.tokens.isEmpty && batch.offsets == [0, 0, 0, 0, 0, 0, 0] && batch.skipped.isEmpty)
      #expect(batch.images.allSatisfy { $0.isFinite })
      for key in batch.keys { counts[key, default: 0] += 1 }
    }
    // Three epochs.
    #expect(counts == Dictionary(uniqueKeysWithValues: (0..<14).map { ("k\($0)", 3) }))
    let alone = try Loader(try options(catalogue)).contents(5)
    let halves = try (0..<2).map { try Loader(try options(catalogue, rank: $0, worldSize: 2)).contents(5) }
    #expect((0..<5).map { alone[$0].keys } == (0..<5).map { halves[0][$0].keys + halves[1][$0].keys })
    #expect((0..<5).map { alone[$0].images } == (0..<5).map { halves[0][$0].images + halves[1][$0].images })
  }

  @Test func pairsMayBeReadWithoutTheirCaptions() throws {
    let catalogue = try ShardCatalogue.load([pictureShard()])
    #expect(catalogue.sampleCount == 7)
    let batch = try Loader(try options(catalogue)).next()
    #expect(batch.tokens.isEmpty && batch.skipped.isEmpty)
  }

  @Test func evaluationTellsTheCaptionsThatThereAre() throws {
    var tar = TestTar()
    for (name, caption) in [("a", "apple"), ("b", nil), ("c", "\u{0}")] {
      tar.add("\(name).jpg", JPEGEncoder.encode(TestCorpus.picture(1), quality: 90))
      if let caption { tar.add("\(name).txt", caption) }
    }
    tar.end()
    let catalogue = try ShardCatalogue.load([folder.write(tar, as: "a.tar")], of: .pictures)
    let samples = EvaluationSamples(
      source: SampleSource(catalogue: catalogue), batchSize: 3, preparation: ImagePreparation(size: 8))
    let batch = try samples.batch(0)
    #expect(batch.keys == ["a", "b", "c"] && batch.captions == ["apple", "", ""] && batch.skipped.isEmpty)
  }
}
