import Basics
import Configuration
import Foundation

/// Words of two languages that a dictionary takes for the same.
package struct WordPairs: Sendable, Equatable {
  package struct Pair: Sendable, Equatable {
    package var korean: String
    package var english: String
  }

  package let pairs: [Pair]

  /// A YAML list `words` of mappings `{ko: 집, en: house}`.
  package init(contentsOf path: String) throws {
    let text = try TextFile.read(path, "the words")
    let reader = try ConfigReader(yaml: text, source: path)
    pairs = try reader.mappings("words").map { item in
      let pair = Pair(korean: try item.string("ko"), english: try item.string("en"))
      try item.rejectUnknownKeys()
      return pair
    }
    try reader.rejectUnknownKeys()
    guard !pairs.isEmpty else { throw KelipError("there are no words", at: path) }
  }
}
