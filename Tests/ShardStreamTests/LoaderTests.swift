import Basics
import Foundation
import Imaging
import Testing

@testable import ShardStream

@Suite struct LoaderTests {
  static let crop = ImagePreparation(
    size: 8, augmentation: .randomResizedCrop(scale: 0.3...1, flip: 0.5))
  static let damage: [Int: TestCorpus.Damage] = [
    0: .truncatedImage, 5: .noImage, 9: .invalidUTF8, 14: .emptyCaption, 20: .huge, 21: .truncatedImage,
    22: .invalidUTF8, 30: .elongated,
  ]

  /// The global batches as `worldSize` ranks see them together.
  private func globalBatches(
    _ corpus: TestCorpus, worldSize: Int, steps: Int, startStep: Int = 0, threads: Int = 0
  ) throws -> [BatchContent] {
    let ranks = try (0..<worldSize).map { rank in
      try Loader(
        try corpus.options(rank: rank, worldSize: worldSize, threads: threads, crops: [Self.crop]),
        startStep: startStep
      ).contents(steps)
    }
    return (0..<steps).map { step in
      ranks.dropFirst().reduce(into: ranks[0][step]) { $0.append($1[step]) }
    }
  }

  @Test func aBatchHoldsWhatTheOrderSays() throws {
    let corpus = try TestCorpus()
    let order = try corpus.order()
    let loader = try Loader(try corpus.options())
    #expect(order.stepsPerEpoch == 3)
    var cursor = order.cursor()
    for step in 0..<7 {
      let batch = try loader.next()
      #expect(batch.step == step && batch.epoch == step / 3 && batch.count == 12)
      #expect(batch.images.count == 12 * 3 * 8 * 8 && batch.offsets.count == 13)
      #expect(Int(batch.offsets[12]) == batch.tokens.count)
      #expect(batch.images.allSatisfy { $0.isFinite })
      for (slot, key) in batch.keys.enumerated() {
        let draw = cursor.draw(step: step, slot: slot)
        #expect(try key == corpus.source.key(SampleID(shard: draw.shard, index: draw.ordinal)))
      }
      for (key, caption) in zip(batch.keys, BatchContent(batch).captions) {
        let text = "caption \(key.dropFirst()) 그림"
        #expect(caption == ByteEncoder().encodeCaption(text, contextLength: 24))
      }
    }
  }

  @Test func pixelsAreTheResizedNormalisedPicture() throws {
    let corpus = try TestCorpus()
    let batch = try Loader(try corpus.options()).next()
    let number = Int(batch.keys[4].dropFirst())!
    let jpeg = JPEGEncoder.encode(TestCorpus.picture(number), quality: 90)
    let expected = ImageTransform.centreCrop(try ImageDecoder.decode(jpeg), size: 8)
    for (channel, mean, std): (Int, Float, Float) in [
      (0, 0.48145466, 0.26862954), (1, 0.4578275, 0.26130258), (2, 0.40821073, 0.27577711),
    ] {
      for place in 0..<64 {
        let value = (Float(expected.pixels[3 * place + channel]) / 255 - mean) / std
        #expect(abs(batch.images[(4 * 3 + channel) * 64 + place] - value) < 1e-6)
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5]) func ranksTogetherSeeTheSameBatches(_ worldSize: Int) throws {
    let corpus = try TestCorpus(damage: Self.damage)
    let alone = try globalBatches(corpus, worldSize: 1, steps: 7)
    #expect(alone.contains { !$0.skipped.isEmpty })
    #expect(try globalBatches(corpus, worldSize: worldSize, steps: 7, threads: 1) == alone)
  }

  @Test(arguments: [1, 2, 3, 4, 7]) func resumingEqualsGoingOn(_ startStep: Int) throws {
    let corpus = try TestCorpus(damage: Self.damage)
    let straight = try globalBatches(corpus, worldSize: 1, steps: 10)
    let resumed = try globalBatches(
      corpus, worldSize: 2, steps: 10 - startStep, startStep: startStep, threads: 2)
    #expect(resumed == Array(straight[startStep...]))
  }

  @Test(arguments: [1, 2, 5], [1, 3]) func threadsChangeNothing(_ threads: Int, _ prefetch: Int) throws {
    let corpus = try TestCorpus(damage: Self.damage)
    let direct = try Loader(try corpus.options(crops: [Self.crop])).contents(8)
    let options = try corpus.options(threads: threads, crops: [Self.crop], prefetch: prefetch)
    #expect(try Loader(options).contents(8) == direct)
  }

  @Test func badSamplesAreReplacedAndNamed() throws {
    let corpus = try TestCorpus(damage: Self.damage)
    let batches = try Loader(try corpus.options()).contents(30)
    let reasons = Set(batches.flatMap(\.skipped).map { "\($0.key) \($0.reason)" })
    #expect(
      reasons == [
        "k0 image_truncated", "k5 image_unknown_format", "k9 caption_not_utf8", "k14 caption_empty",
        "k20 image_too_large", "k21 image_truncated", "k22 caption_not_utf8", "k30 image_too_elongated",
      ])
    let bad = Set(Self.damage.keys.map { "k\($0)" })
    #expect(batches.allSatisfy { $0.keys.count == 12 && bad.isDisjoint(with: $0.keys) })
    let shards = Set(corpus.source.catalogue.shards.map(\.url.path))
    #expect(batches.flatMap(\.skipped).allSatisfy { shards.contains($0.shard) })
  }

  @Test(arguments: [0, 2]) func givesUpWhenEverythingIsBad(_ threads: Int) throws {
    let all = Dictionary(uniqueKeysWithValues: (0..<12).map { ($0, TestCorpus.Damage.emptyCaption) })
    let corpus = try TestCorpus(shards: [12], damage: all)
    let loader = try Loader(try corpus.options(threads: threads))
    let error = #expect(throws: KelipError.self) { try loader.next() }
    #expect(error?.message.contains("100 × caption_empty") == true)
    #expect(error?.location?.contains("0.tar") == true)
  }

  @Test func augmentationVariesWithTheEpochOnly() throws {
    let corpus = try TestCorpus(shards: [4])
    let options = try corpus.options(crops: [Self.crop], batch: 3)
    let batches = try Loader(options).contents(12)
    var views: [String: Set<[Float]>] = [:]
    for batch in batches {
      for (key, image) in zip(batch.keys, batch.images) { views[key, default: []].insert(image) }
    }
    #expect(views.values.allSatisfy { $0.count > 5 })
    #expect(try Loader(options).contents(12) == batches)
  }

  @Test func flipsMirrorRows() {
    let preparation = { (flip: Double) in
      ImagePreparation(size: 6, augmentation: .randomResizedCrop(scale: 1...1, ratio: 1...1, flip: flip))
    }
    let image = ImageTransform.centreCrop(TestCorpus.picture(3), size: 18)
    var views = [[Float]](repeating: [Float](repeating: 0, count: 108), count: 2)
    for flip in 0..<2 {
      views[flip].withUnsafeMutableBufferPointer {
        preparation(Double(flip)).prepare(image, seed: 1, into: $0)
      }
    }
    let mirrored = stride(from: 0, to: 108, by: 6).flatMap { views[0][$0..<($0 + 6)].reversed() }
    #expect(views[1] == mirrored && views[0] != mirrored)
  }

  @Test func cropsHaveTheirOwnSizesAndDraws() throws {
    let corpus = try TestCorpus()
    var small = Self.crop
    small.size = 5
    let loader = try Loader(try corpus.options(crops: [Self.crop, Self.crop, small]))
    let batch = try loader.next()
    #expect(batch.images(crop: 1).count == 12 * 192 && batch.images(crop: 2).count == 12 * 75)
    #expect(Array(batch.images(crop: 0)) != Array(batch.images(crop: 1)))
    let alone = try Loader(try corpus.options(crops: [Self.crop])).next()
    #expect(Array(alone.images) == Array(batch.images))
    #expect(batch.images(crop: 2).contains { $0 != 0 })
  }

  @Test func buffersGoRound() throws {
    let corpus = try TestCorpus()
    let loader = try Loader(try corpus.options())
    let first = try loader.next()
    let address = first.images.baseAddress
    let content = BatchContent(first)
    let second = try loader.next()
    #expect(second.images.baseAddress != address, "a batch in use keeps its memory")
    #expect(BatchContent(first) == content)
    first.release()
    first.release()
    #expect(try loader.next().images.baseAddress == address)
  }

  @Test func batchesOutliveTheirLoader() throws {
    let corpus = try TestCorpus()
    var loader: Loader? = try Loader(try corpus.options(threads: 2))
    let batch = try loader!.next()
    let content = BatchContent(batch)
    loader = nil
    #expect(BatchContent(batch) == content)
  }

  @Test func stopsWithoutBeingUsedUp() throws {
    let corpus = try TestCorpus()
    for _ in 0..<20 {
      let loader = try Loader(try corpus.options(threads: 3, prefetch: 3))
      loader.stop()
      loader.stop()
    }
  }

  @Test(arguments: [0, 2]) func aLostShardIsAnErrorAtItsBatch(_ threads: Int) throws {
    let corpus = try TestCorpus()
    try FileManager.default.removeItem(at: corpus.folder.file("1.tar"))
    let loader = try Loader(try corpus.options(threads: threads))
    let error = #expect(throws: KelipError.self) { while true { try loader.next().release() } }
    #expect(error?.location?.hasSuffix("1.tar") == true)
  }

  @Test func aShortenedShardIsAnError() throws {
    let corpus = try TestCorpus(shards: [12])
    let url = corpus.source.catalogue.shards[0].url
    try Data(try Data(contentsOf: url).prefix(3000)).write(to: url)
    #expect(throws: KelipError.self) { try Loader(try corpus.options()).next() }
  }

  @Test func moreRanksThanSamplesIsAnError() throws {
    let corpus = try TestCorpus()
    let error = #expect(throws: KelipError.self) {
      try Loader(try corpus.options(rank: 0, worldSize: 13))
    }
    #expect(error?.message.contains("13") == true && error?.message.contains("12") == true)
  }
}
