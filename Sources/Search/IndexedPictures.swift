import Basics
import Evaluation
import FeatureStore
import Foundation
import Imaging
import ShardStream

/// The pictures themselves, as they lie in shards or in files of their own.
package struct IndexedPictures: Sendable {
  private let samples: EvaluationSamples?

  /// - Parameter shards: of the index, or where they lie now; in the same order.
  package init(shards: [String], threads: Int) throws {
    guard !shards.isEmpty else {
      samples = nil
      return
    }
    let catalogue = try ShardCatalogue.load(try ShardList.resolve(shards), threads: threads)
    // Only pictures as they are: the preparation is not used.
    samples = EvaluationSamples(
      source: SampleSource(catalogue: catalogue), batchSize: 1, preparation: ImagePreparation(size: 1))
  }

  /// - Throws: where the picture is not there any more, or is another.
  package func picture(_ row: FeatureRow) throws -> RGBImage {
    guard let sample = row.sample else { return try PictureFile.read(row.key) }
    guard let samples, sample < samples.order.sampleCount else {
      throw KelipError("sample \(sample) is not in the shards: they are not those of the index", at: row.key)
    }
    return try samples.picture(sample)
  }
}
