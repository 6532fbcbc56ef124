import Basics
import Evaluation
import FeatureStore
import Foundation
import Imaging
import ShardStream

/// Looks pictures up by text or by picture.
package final class PictureSearch {
  package struct Found {
    package var row: Int
    package var score: Float
    package var facts: FeatureRow
  }

  package let index: SearchIndex
  private let encoder: any FeatureEncoder

  /// - Parameter weights: digest of the encoder's, which must be the index's.
  package init(_ index: SearchIndex, _ encoder: any FeatureEncoder, weights: String) throws {
    guard index.facts.weights == weights, index.dimension == encoder.config.embedDim else {
      throw KelipError(
        "the index was made with another model", hint: "give the checkpoint that kelip embed was given")
    }
    (self.index, self.encoder) = (index, encoder)
  }

  package func find(text: String, k: Int) throws -> [Found] {
    try found(encoder.textFeatures([text]), k: k)
  }

  package func find(picture path: String, k: Int) throws -> [Found] {
    let preparation = ImagePreparation(size: encoder.config.vision.imageSize)
    return try found(encoder.imageFeatures(try PictureFile.pixels(path, preparation), count: 1), k: k)
  }

  /// What is like a row; it comes first itself, unless an equal one does.
  package func find(like row: Int, k: Int) throws -> [Found] { try found(try index.features(row), k: k) }

  private func found(_ query: [Float], k: Int) throws -> [Found] {
    try index.best(query, k: k).map {
      Found(row: $0.index, score: $0.score, facts: try index.row($0.index))
    }
  }
}
