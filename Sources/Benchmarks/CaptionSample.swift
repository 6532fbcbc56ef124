import Basics
import Imaging
import ShardStream
import Tokenization
import Towers

/// Batches of a data set's captions, for steps with the lengths that captions really have.
package enum CaptionSample {
  /// The captions of the first batches in the order of seed 0, this rank's part of each. Throws when a token is not in a
  /// vocabulary of `vocabSize`.
  package static func load(
    shards: [String], tokenizer: String, batches: Int, batchSize: Int, contextLength: Int,
    vocabSize: Int, rank: Int, worldSize: Int
  ) throws -> [PackedCaptions] {
    let catalogue = try ShardCatalogue.load(try ShardList.resolve(shards))
    let globalBatchSize = batchSize * worldSize
    let order = try GlobalOrder(
      seed: 0, shardSampleCounts: catalogue.sampleCounts, globalBatchSize: globalBatchSize,
      canonicalStreams: GlobalOrder.defaultStreams(globalBatchSize), shuffleWindow: 16_384)
    // The pictures are not used: as few pixels as there can be.
    let loader = try Loader(
      LoaderOptions(
        order: order, source: SampleSource(catalogue: catalogue), encoder: try Tokenizers.load(tokenizer),
        crops: [ImagePreparation(size: 8)], contextLength: contextLength, rank: rank, worldSize: worldSize,
        threads: 1))
    defer { loader.stop() }
    return try (0..<batches).map { _ in
      let batch = try loader.next()
      defer { batch.release() }
      guard (batch.tokens.max() ?? 0) < vocabSize else {
        throw KelipError(
          "token \(batch.tokens.max()!) is outside the model's vocabulary of \(vocabSize)", at: tokenizer)
      }
      return PackedCaptions(ids: batch.tokens, offsets: batch.offsets)
    }
  }
}
