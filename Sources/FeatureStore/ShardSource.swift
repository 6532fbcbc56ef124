import Foundation
import ShardStream

/// The pairs of shards, in their natural order, or their pictures alone.
package struct ShardSource: FeatureSource {
  package let kind: SourceKind
  package let count: Int
  package let identity: String
  private let samples: EvaluationSamples
  private let pictureKey: String

  /// - Parameters:
  ///   - imageSize: S, the tower's.
  ///   - pictureKey: of the samples' metadata; what stands there is kept as `FeatureRow.picture`.
  ///   - picturesOnly: whether captions are kept in the rows, but get no features.
  package init(
    _ catalogue: ShardCatalogue, imageSize: Int, pictureKey: String, picturesOnly: Bool = false, threads: Int
  ) {
    kind = picturesOnly ? .pictures : .pairs
    samples = EvaluationSamples(
      source: SampleSource(catalogue: catalogue), batchSize: 1,
      preparation: ImagePreparation(size: imageSize), threads: threads)
    (count, identity) = (catalogue.sampleCount, catalogue.digest)
    self.pictureKey = pictureKey
  }

  package func read(_ numbers: Range<Int>) throws -> SourceBatch {
    let found = try samples.samples(numbers)
    let rows = (0..<found.count).map { place in
      let metadata = found.metadata[place].flatMap {
        try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
      return FeatureRow(
        key: found.keys[place], sample: found.numbers[place], caption: found.captions[place],
        language: metadata?["language"] as? String, picture: metadata?[pictureKey] as? String)
    }
    return SourceBatch(
      rows: rows, pixels: found.images, texts: kind.hasTexts ? found.captions : [],
      leftOut: found.skipped.reduce(into: [:]) { $0[$1.reason, default: 0] += 1 })
  }
}
