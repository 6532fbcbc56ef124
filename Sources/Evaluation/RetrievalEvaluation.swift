import Basics
import Collectives
import ShardStream

/// Retrieval of one language on one set of shards.
package struct RetrievalEvaluation {
  package var set: String
  package var language: String
  package var report: RetrievalReport
  /// With features of length 1.
  package var embedded: PairEmbedding.Result

  /// Every rank calls it; the ranks share the work and all get the same.
  package init(
    _ embedding: PairEmbedding, set: String, language: String, pairs: Int?,
    _ communicator: any Communicator = SoloCommunicator()
  ) throws {
    (self.set, self.language) = (set, language)
    let mine = try communicator.agree {
      let numbers = try embedding.samples.numbers(ofLanguage: language, limit: pairs)
      guard !numbers.isEmpty else {
        throw KelipError(
          "no pairs of language \(language)", at: set, hint: "languages stand in the samples' .json members")
      }
      return try embedding.embed(numbers[communicator.share(of: numbers.count)])
    }
    embedded = try mine.gathered(communicator)
    guard embedded.features.imageCount > 0 else {
      throw KelipError("not one of the pairs of language \(language) can be read", at: set)
    }
    report = try embedded.features.retrieval(communicator)
  }

  /// Queries for a contact sheet.
  package func queries(_ count: Int) -> [ContactSheet.Query] {
    ContactSheet.queries(count, over: embedded.features, numbers: embedded.numbers, language: language) {
      embedded.captions[$0]
    }
  }
}
