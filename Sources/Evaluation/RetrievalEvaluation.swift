import Basics
import Foundation
import Imaging
import ShardStream

/// Retrieval of one language on one set of shards.
package struct RetrievalEvaluation {
  package var set: String
  package var language: String
  package var report: RetrievalReport
  package var embedded: PairEmbedding.Result

  package init(_ embedding: PairEmbedding, set: String, language: String, pairs: Int?) throws {
    (self.set, self.language) = (set, language)
    embedded = try embedding.embed(language: language, limit: pairs)
    guard embedded.features.imageCount > 0 else {
      throw KelipError(
        "no pairs of language \(language)", at: set, hint: "languages stand in the samples' .json members")
    }
    report = try embedded.features.retrieval()
  }

  private static let headings = ["ko": "한국어", "en": "English"]

  /// Queries for a contact sheet: `count` captions spread evenly over the set.
  package func queries(_ count: Int) -> [ContactSheet.Query] {
    let found = embedded.features.bestImages(k: ContactSheet.picturesShown)
    let ranks = embedded.features.textRanks()
    let total = embedded.captions.count
    let chosen = (0..<min(count, total)).map { $0 * total / min(count, total) }
    return chosen.map { row in
      ContactSheet.Query(
        caption: embedded.captions[row], language: Self.headings[language] ?? language,
        correct: embedded.numbers[row],
        found: found[row].map { embedded.numbers[$0.index] }, rank: ranks[row])
    }
  }
}
