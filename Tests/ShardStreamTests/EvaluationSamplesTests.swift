import Foundation
import Imaging
import Testing

@testable import ShardStream

@Suite struct EvaluationSamplesTests {
  private func samples(_ corpus: TestCorpus, threads: Int = 1) -> EvaluationSamples {
    EvaluationSamples(
      source: corpus.source, batchSize: 5, preparation: ImagePreparation(size: 8), threads: threads,
      maxPixels: 4000)
  }

  @Test(arguments: [1, 3]) func goesThroughAllInNaturalOrder(_ threads: Int) throws {
    let corpus = try TestCorpus(shards: [3, 0, 4])
    defer { withExtendedLifetime(corpus) {} }
    let samples = samples(corpus, threads: threads)
    #expect(samples.order.batchCount == 2)
    let batches = try (0..<2).map(samples.batch)
    #expect(batches.map(\.count) == [5, 2])
    #expect(batches.flatMap(\.keys) == (0..<7).map { "k\($0)" })
    #expect(batches.flatMap(\.numbers) == Array(0..<7))
    #expect(batches.flatMap(\.captions) == (0..<7).map { "caption \($0) 그림" })
    #expect(batches.flatMap(\.metadata) == (0..<7).map { $0 % 3 == 0 ? "{\"n\": \($0)}" : nil })
    #expect(batches.map(\.images.count) == [5 * 192, 2 * 192])
    #expect(batches.allSatisfy { $0.skipped.isEmpty })
  }

  @Test func pixelsAreTheCentre() throws {
    let corpus = try TestCorpus(shards: [4])
    defer { withExtendedLifetime(corpus) {} }
    let batch = try samples(corpus).samples(2..<3)
    let jpeg = JPEGEncoder.encode(TestCorpus.picture(2), quality: 90)
    let expected = ImageTransform.centreCrop(try ImageDecoder.decode(jpeg), size: 8)
    let red = (Float(expected.pixels[0]) / 255 - 0.48145466) / 0.26862954
    #expect(abs(batch.images[0] - red) < 1e-6)
  }

  @Test func leavesOutBadSamples() throws {
    let corpus = try TestCorpus(shards: [6], damage: [1: .truncatedImage, 4: .emptyCaption])
    defer { withExtendedLifetime(corpus) {} }
    let samples = samples(corpus, threads: 2)
    let batch = try samples.batch(0)
    #expect(batch.keys == ["k0", "k2", "k3"] && batch.images.count == 3 * 192)
    #expect(batch.skipped.map(\.reason) == ["image_truncated", "caption_empty"])
    #expect(try samples.samples(0..<0).count == 0)
  }
}

@Suite struct ShardCaptionsTests {
  @Test func readsCaptionsOfAllShards() throws {
    let corpus = try TestCorpus(shards: [2, 3], damage: [1: .emptyCaption, 3: .invalidUTF8])
    defer { withExtendedLifetime(corpus) {} }
    let captions = ShardCaptions.read(from: corpus.source.catalogue.shards.map(\.url))
    #expect(Array(captions) == [0, 2, 4].map { "caption \($0) 그림" })
    #expect(captions.skippedCount == 2 && captions.faults.isEmpty)
  }

  @Test func goesOnAfterDamage() throws {
    let corpus = try TestCorpus(shards: [2, 3, 2])
    defer { withExtendedLifetime(corpus) {} }
    try FileManager.default.removeItem(at: corpus.folder.file("0.tar"))
    let second = corpus.folder.file("1.tar")
    try Data(try Data(contentsOf: second).dropLast(1024 + 600)).write(to: second)
    let captions = ShardCaptions.read(from: corpus.source.catalogue.shards.map(\.url))
    #expect(Array(captions) == [2, 3, 5, 6].map { "caption \($0) 그림" })
    #expect(captions.faults.count == 2)
    #expect(captions.faults[0].contains("0.tar") && captions.faults[1].contains("1.tar"))
  }
}
