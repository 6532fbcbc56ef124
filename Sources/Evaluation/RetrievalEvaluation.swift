import Basics
import ShardStream

/// Retrieval of one language on one set of shards.
package struct RetrievalEvaluation {
  package var set: String
  package var language: String
  package var report: RetrievalReport
  /// With features of length 1.
  package var embedded: PairEmbedding.Result

  package init(_ embedding: PairEmbedding, set: String, language: String, pairs: Int?) throws {
    (self.set, self.language) = (set, language)
    embedded = try embedding.embed(language: language, limit: pairs)
    guard embedded.features.imageCount > 0 else {
      throw KelipError(
        "no pairs of language \(language)", at: set, hint: "languages stand in the samples' .json members")
    }
    embedded.features = embedded.features.normalised()
    report = try embedded.features.retrieval()
  }

  /// Queries for a contact sheet.
  package func queries(_ count: Int) -> [ContactSheet.Query] {
    ContactSheet.queries(count, over: embedded.features, numbers: embedded.numbers, language: language) {
      embedded.captions[$0]
    }
  }
}
