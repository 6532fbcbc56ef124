import Basics
import Collectives
import Kernels
import ShardStream

/// Image-text pairs of shards, embedded with a model in batches of bounded memory.
package struct PairEmbedding {
  package let samples: EvaluationSamples
  private let encoder: any FeatureEncoder
  private static let batchSize = 64

  package init(_ encoder: any FeatureEncoder, _ samples: EvaluationSamples) {
    (self.encoder, self.samples) = (encoder, samples)
  }

  package init(_ encoder: any FeatureEncoder, shards: [String], threads: Int) throws {
    let catalogue = try ShardCatalogue.load(try ShardList.resolve(shards), threads: threads)
    self.init(
      encoder,
      EvaluationSamples(
        source: SampleSource(catalogue: catalogue), batchSize: Self.batchSize,
        preparation: ImagePreparation(size: encoder.config.vision.imageSize), threads: threads))
  }

  /// Pairs with their features: row i belongs to `numbers[i]`; bad samples are left out.
  package struct Result {
    package var features: Features
    package var captions: [String] = []
    package var keys: [String] = []
    package var numbers: [Int] = []
    package var skipped: [SkippedSample] = []

    /// With unit features: those of all ranks, in their order; skipped samples stay with the rank that skipped them.
    package func gathered(_ communicator: any Communicator) throws -> Result {
      var all = self
      all.features = try features.normalised().gathered(communicator)
      guard communicator.worldSize > 1 else { return all }
      all.captions = try communicator.allGather(coding: captions).flatMap { $0 }
      all.keys = try communicator.allGather(coding: keys).flatMap { $0 }
      all.numbers = try communicator.allGather(coding: numbers).flatMap { $0 }
      return all
    }
  }

  /// The first `limit` pairs of a language (all for nil), in the shards' order.
  package func embed(language: String? = nil, limit: Int? = nil) throws -> Result {
    try embed(samples.numbers(ofLanguage: language, limit: limit))
  }

  /// Pairs with these numbers, in their order.
  ///
  /// - Parameters:
  ///   - embedsTexts: whether captions get features, too.
  ///   - progress: is called after each batch.
  package func embed(
    _ wanted: some RandomAccessCollection<Int>, embedsTexts: Bool = true, progress: () -> Void = {}
  ) throws -> Result {
    var result = Result(features: Features(images: [], texts: [], dimension: encoder.config.embedDim))
    for start in stride(from: 0, to: wanted.count, by: Self.batchSize) {
      defer { progress() }
      let batch = try samples.samples(wanted.dropFirst(start).prefix(Self.batchSize))
      result.features.images += encoder.imageFeatures(batch.images, count: batch.count)
      if embedsTexts { result.features.texts += encoder.textFeatures(batch.captions) }
      result.captions += batch.captions
      result.keys += batch.keys
      result.numbers += batch.numbers
      result.skipped += batch.skipped
    }
    return result
  }
}

extension FeatureEncoder {
  /// Features of any number of texts, in order, in memory bounded by a batch.
  package func textFeatures(texts: [String]) -> [Float] {
    stride(from: 0, to: texts.count, by: 64).flatMap { start in
      textFeatures(Array(texts[start..<min(start + 64, texts.count)]))
    }
  }

  /// Features of picture files, in order; a file that cannot be read or decoded is an error that names it.
  package func imageFeatures(files: [String]) throws -> [Float] {
    let preparation = ImagePreparation(size: config.vision.imageSize)
    return try files.flatMap { imageFeatures(try PictureFile.pixels($0, preparation), count: 1) }
  }
}
