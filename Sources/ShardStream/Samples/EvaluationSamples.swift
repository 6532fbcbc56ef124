import Captions
import Foundation
import Imaging

/// Samples for embedding: B of them, bad ones left out.
package struct EvaluationBatch: Sendable {
  /// B × 3 × H × W normalised values.
  package var images: [Float] = []
  /// Where the source is of pictures, an empty text for one without a caption that can be read.
  package var captions: [String] = []
  package var keys: [String] = []
  /// The `.json` member as it is, or nil where there is none or it is not UTF-8.
  package var metadata: [String?] = []
  /// The samples' numbers in natural order.
  package var numbers: [Int] = []
  package var skipped: [SkippedSample] = []

  package var count: Int { keys.count }
}

/// Every sample of an index once, in natural order, without augmentation.
package struct EvaluationSamples: Sendable {
  package let order: SequentialOrder
  private let reader: SampleReader
  private let preparation: ImagePreparation
  private let threads: Int

  package init(
    source: SampleSource, batchSize: Int, preparation: ImagePreparation, threads: Int = 1,
    maxPixels: Int = ImageDecoder.defaultMaxPixels
  ) {
    precondition(preparation.augmentation == .none)
    order = SequentialOrder(shardSampleCounts: source.catalogue.sampleCounts, batchSize: batchSize)
    reader = SampleReader(
      source: source, pictures: PictureReader(maxPixels: maxPixels, largestSize: preparation.size))
    self.preparation = preparation
    self.threads = threads
  }

  /// Batch `batch` of `order.batchCount`.
  package func batch(_ batch: Int) throws -> EvaluationBatch { try samples(order.batch(batch)) }

  /// The samples with these numbers, decoded on up to `threads` threads; ranks may share by taking ranges.
  package func samples(_ numbers: some Collection<Int>) throws -> EvaluationBatch {
    let items = try concurrentMap(Array(numbers), threads: threads, transform: item)
    var batch = EvaluationBatch()
    batch.images.reserveCapacity(numbers.count * preparation.valueCount)
    for item in items {
      switch item {
      case .good(let sample): append(sample, to: &batch)
      case .bad(let skipped): batch.skipped.append(skipped)
      }
    }
    return batch
  }

  /// The picture of one sample as it lies in its shard, to be shown.
  package func picture(_ number: Int) throws -> RGBImage { try reader.image(order.sample(number)) }

  /// Which samples are in this language, the first `limit` of them, without decoding a picture; all where nil. `ko`,
  /// `en` and `other` stand in the shards' tables, another tag only in the samples' metadata.
  package func numbers(ofLanguage language: String?, limit: Int? = nil) throws -> [Int] {
    let (all, limit) = (0..<order.sampleCount, limit ?? .max)
    guard let language else { return Array(all.prefix(limit)) }
    let known = CaptionLanguage(tag: language)
    var found: [Int] = []
    for number in all where found.count < limit {
      let id = order.sample(number)
      let isWanted =
        try known.map { try reader.source.language(id) == $0 } ?? (try metadataLanguage(id) == language)
      if isWanted { found.append(number) }
    }
    return found
  }

  private func metadataLanguage(_ id: SampleID) throws -> String? {
    try metadata(id)?["language"] as? String
  }

  private func metadata(_ id: SampleID) throws -> [String: Any]? {
    guard let text = try reader.metadata(id) else { return nil }
    return try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
  }

  /// A sample's metadata; nil where there is none, or none that can be read.
  package func metadata(_ number: Int) throws -> [String: Any]? { try metadata(order.sample(number)) }

  /// A sample's caption, without its picture.
  package func caption(_ number: Int) throws -> String { try caption(order.sample(number)) }

  private enum Item: Sendable {
    case good(Sample)
    case bad(SkippedSample)
  }

  private struct Sample: Sendable {
    var number: Int
    var pixels: [Float]
    var caption: String
    var key: String
    var metadata: String?
  }

  private func append(_ sample: Sample, to batch: inout EvaluationBatch) {
    batch.images += sample.pixels
    batch.captions.append(sample.caption)
    batch.keys.append(sample.key)
    batch.metadata.append(sample.metadata)
    batch.numbers.append(sample.number)
  }

  private func caption(_ id: SampleID) throws -> String {
    guard reader.source.catalogue.kind == .pictures else { return try reader.caption(id) }
    guard try reader.source.members(id).text != nil else { return "" }
    do {
      return try reader.caption(id)
    } catch is SampleFault {
      return ""
    }
  }

  private func item(_ number: Int) throws -> Item {
    let id = order.sample(number)
    do {
      let caption = try caption(id)
      let pixels = try [Float](unsafeUninitializedCapacity: preparation.valueCount) { buffer, count in
        let values = UnsafeMutableBufferPointer(rebasing: buffer[..<preparation.valueCount])
        try reader.draw([preparation], of: id, seed: { _ in 0 }, into: { _ in values })
        count = preparation.valueCount
      }
      return .good(
        Sample(
          number: number, pixels: pixels, caption: caption, key: try reader.source.key(id),
          metadata: try reader.metadata(id)))
    } catch let fault as SampleFault {
      return .bad(try reader.skipped(id, fault))
    }
  }
}
