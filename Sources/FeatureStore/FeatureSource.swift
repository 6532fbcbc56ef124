/// What is to be embedded: items in a fixed order, each with a picture, a text or both.
package protocol FeatureSource: Sendable {
  /// `pairs`, `pictures` or `texts`; files are named after it.
  var kind: SourceKind { get }
  var count: Int { get }
  /// Equal for equal items, so that a run that goes on does not mix two sources.
  var identity: String { get }
  /// Decodes items; those that cannot be used are left out and counted.
  func read(_ numbers: Range<Int>) throws -> SourceBatch
}

package enum SourceKind: String, Codable, CaseIterable, Sendable {
  case pairs, pictures, texts

  package var hasPictures: Bool { self != .texts }
  package var hasTexts: Bool { self != .pictures }
}

/// Items that could be read.
package struct SourceBatch: Sendable {
  package var rows: [FeatureRow] = []
  /// A row's 3 × S × S normalised values after the other's; empty for texts.
  package var pixels: [Float] = []
  /// A row's text each; empty for pictures.
  package var texts: [String] = []
  /// By reason.
  package var leftOut: [String: Int] = [:]

  package init(
    rows: [FeatureRow] = [], pixels: [Float] = [], texts: [String] = [], leftOut: [String: Int] = [:]
  ) {
    (self.rows, self.pixels, self.texts, self.leftOut) = (rows, pixels, texts, leftOut)
  }
}
