import Basics

/// Texts, a row each: row i is text i, also where it is empty.
package struct TextSource: FeatureSource {
  package let kind = SourceKind.texts
  private let texts: [String]

  package init(_ texts: [String]) { self.texts = texts }

  package var count: Int { texts.count }

  package var identity: String { SHA256Hasher.hexDigest(of: Array(texts.joined(separator: "\n").utf8)) }

  package func read(_ numbers: Range<Int>) -> SourceBatch {
    SourceBatch(
      rows: numbers.map { FeatureRow(key: "\($0 + 1)", caption: texts[$0]) }, texts: Array(texts[numbers]))
  }
}
