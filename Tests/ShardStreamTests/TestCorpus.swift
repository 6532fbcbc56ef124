import Foundation
import TestFolders
import Imaging
import Tokenization

@testable import ShardStream

/// Ids are the caption's bytes between 1 and 2.
struct ByteEncoder: CaptionEncoder {
  /// Keeps the shards on disk while a loader streams them.
  var folder: TemporaryFolder?

  func encodeCaption(_ text: String, contextLength: Int) -> [Int32] {
    [1] + text.utf8.prefix(contextLength - 2).map { Int32($0) + 3 } + [2]
  }
}

/// Small shards of real JPEGs, some of them spoilt on purpose.
struct TestCorpus {
  enum Damage { case truncatedImage, noImage, invalidUTF8, emptyCaption, huge, elongated }

  let folder: TemporaryFolder
  let source: SampleSource

  /// - Parameter damage: by sample number.
  init(shards: [Int] = [7, 13, 5, 11], damage: [Int: Damage] = [:]) throws {
    folder = try TemporaryFolder()
    var number = 0
    var urls: [URL] = []
    for (shard, count) in shards.enumerated() {
      var tar = TestTar()
      for _ in 0..<count {
        Self.add(number, damage[number], to: &tar)
        number += 1
      }
      tar.end()
      urls.append(try folder.write(tar, as: "\(shard).tar"))
    }
    source = SampleSource(catalogue: try ShardCatalogue.load(urls), maxOpenFiles: 2)
  }

  private static func add(_ number: Int, _ damage: Damage?, to tar: inout TestTar) {
    var image = JPEGEncoder.encode(picture(number), quality: 90)
    var text = Array("caption \(number) 그림".utf8)
    switch damage {
    case .truncatedImage: image.removeLast(12)
    case .noImage: image = Array("<html>gone</html>".utf8)
    case .invalidUTF8: text = [0x61, 0xFF, 0x62]
    case .emptyCaption: text = Array(" \n".utf8)
    case .huge: image = JPEGEncoder.encode(RGBImage(width: 70, height: 70), quality: 90)
    case .elongated: image = JPEGEncoder.encode(RGBImage(width: 2000, height: 1), quality: 90)
    case nil: break
    }
    tar.add("k\(number).jpg", image)
    tar.add("k\(number).txt", text)
    if number.isMultiple(of: 3) { tar.add("k\(number).json", "{\"n\": \(number)}") }
  }

  /// Its colours tell its number, and a gradient where it was cropped.
  static func picture(_ number: Int) -> RGBImage {
    var image = RGBImage(width: 20 + number % 5, height: 18 + number % 7)
    for y in 0..<image.height {
      for x in 0..<image.width {
        image[x, y] = RGBColour(red: UInt8(6 * number % 256), green: UInt8(10 * x), blue: UInt8(9 * y))
      }
    }
    return image
  }

  func order(batch: Int = 12, streams: Int = 3, seed: UInt64 = 5) throws -> GlobalOrder {
    try GlobalOrder(
      seed: seed, shardSampleCounts: source.catalogue.sampleCounts, globalBatchSize: batch,
      canonicalStreams: streams, shuffleWindow: 4)
  }

  func options(
    rank: Int = 0, worldSize: Int = 1, threads: Int = 0,
    crops: [ImagePreparation] = [ImagePreparation(size: 8)], batch: Int = 12, prefetch: Int = 2
  ) throws -> LoaderOptions {
    LoaderOptions(
      order: try order(batch: batch), source: source, encoder: ByteEncoder(folder: folder), crops: crops,
      contextLength: 24,
      rank: rank, worldSize: worldSize, threads: threads, prefetchBatches: prefetch, maxPixels: 4000)
  }
}

/// A batch's content, kept after its release.
struct BatchContent: Equatable {
  var step: [Int]
  var keys: [String] = []
  var captions: [[Int32]] = []
  var images: [[Float]] = []
  var skipped: [SkippedSample] = []

  init(_ batch: Batch) {
    step = [batch.step, batch.epoch]
    keys = batch.keys
    captions = (0..<batch.count).map {
      Array(batch.tokens[Int(batch.offsets[$0])..<Int(batch.offsets[$0 + 1])])
    }
    let size = batch.images.count / batch.count
    images = (0..<batch.count).map { Array(batch.images[($0 * size)..<(($0 + 1) * size)]) }
    skipped = batch.skipped
  }

  mutating func append(_ other: BatchContent) {
    keys += other.keys
    captions += other.captions
    images += other.images
    skipped += other.skipped
  }
}

extension Loader {
  func contents(_ count: Int) throws -> [BatchContent] {
    try (0..<count).map { _ in
      let batch = try next()
      defer { batch.release() }
      return BatchContent(batch)
    }
  }
}
