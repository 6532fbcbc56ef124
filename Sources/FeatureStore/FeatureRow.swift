import Foundation

/// Whose features a row holds: a line of JSON in the `.jsonl` beside them.
package struct FeatureRow: Codable, Equatable, Sendable {
  /// The sample's key, or the picture's path; a text has its line number, from 1.
  package var key: String
  /// The sample's number in the shards' natural order.
  package var sample: Int?
  /// The caption, or the text itself.
  package var caption: String?
  /// As in the sample's metadata.
  package var language: String?
  /// What is the same for the same picture, where the metadata tells.
  package var picture: String?

  package init(
    key: String, sample: Int? = nil, caption: String? = nil, language: String? = nil, picture: String? = nil
  ) {
    (self.key, self.sample, self.caption) = (key, sample, caption)
    (self.language, self.picture) = (language, picture)
  }

  /// Without a line break at its end.
  package var line: Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Texts and numbers alone: nothing that could not be written.
    return try! encoder.encode(self)
  }
}
