import Foundation

/// What a search index says of itself.
package struct IndexFacts: Codable, Equatable, Sendable {
  package var format = 1
  /// Of the file with the model's weights, as `FeaturePlan` has it.
  package var weights: String
  /// Absolute paths of the shards that rows' samples are in; empty where pictures are files.
  package var shards: [String]
  /// Rows that were left out since another shows the same picture.
  package var repeatedCount: Int

  package init(weights: String, shards: [String], repeatedCount: Int) {
    (self.weights, self.shards, self.repeatedCount) = (weights, shards, repeatedCount)
  }
}
