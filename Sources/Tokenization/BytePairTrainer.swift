import Basics

/// Trains a byte-level BPE whose merges equal those of `tokenizers.trainers.BpeTrainer` with the same vocabulary size
/// (less the two tokens that are added afterwards), minimum frequency and byte alphabet, on the same texts.
///
/// The same texts in the same order give the same tokenizer in every process.
package struct BytePairTrainer: Sendable {
  /// `[PAD]`, 256 bytes, `[SOT]`, `[EOT]`.
  package static let smallestVocabSize = 259

  /// V to reach, special tokens included. A corpus with too few pairs yields a smaller one.
  package var vocabSize: Int
  /// The least number of times that a pair must occur to be joined.
  package var minFrequency: Int

  /// - Throws: `KelipError` where `vocabSize` has no room for the bytes and special tokens.
  package init(vocabSize: Int, minFrequency: Int = 2) throws {
    guard vocabSize >= Self.smallestVocabSize, vocabSize <= Int(Int32.max) else {
      throw KelipError(
        "a vocabulary of \(vocabSize) is too \(vocabSize < Self.smallestVocabSize ? "small" : "large")",
        hint: "it holds 256 bytes and 3 special tokens, so ask for at least \(Self.smallestVocabSize)")
    }
    self.vocabSize = vocabSize
    self.minFrequency = minFrequency
  }

  /// Learns from `texts`, one caption each. Texts are lower-cased, as they will be when encoded.
  package func train(on texts: some Sequence<String>) throws -> BytePairTokenizer {
    let normalizer = TextNormalizer(steps: [.lowercase])
    var words = WordCounts()
    for text in texts { words.add(text, normalizer: normalizer) }
    var learner = MergeLearner(words)
    let addedLater: [SpecialToken] = [.start, .end]
    let merges = learner.learn(vocabSize: vocabSize - addedLater.count, minFrequency: minFrequency)
    let size = Int32(learner.vocabulary.count)
    let added =
      [AddedToken(id: 0, content: SpecialToken.pad.rawValue, special: true)]
      + addedLater.enumerated().map { AddedToken(id: size + Int32($0), content: $1.rawValue, special: true) }
    return try BytePairTokenizer(
      vocabulary: learner.vocabulary, mergePairs: merges, addedTokens: added,
      layout: BytePairTokenizer.Layout(normalizer: normalizer),
      location: nil)
  }
}
