import Basics

/// Trains a byte-level BPE whose merges equal those of `tokenizers.trainers.BpeTrainer` with the same vocabulary size
/// (less the two tokens that are added afterwards), minimum frequency and byte alphabet, on the same texts.
///
/// The same texts give the same tokenizer in every process and with any number of threads. Above `maxWords` distinct
/// words counts are approximate, as `Progress` tells.
package struct BytePairTrainer: Sendable {
  /// How far training is.
  package enum Progress: Sendable {
    /// - Parameters:
    ///   - words: distinct words held.
    ///   - undercount: the most that a word's count can be too low by; 0 while counts are exact.
    case counting(captions: Int, bytes: Int, words: Int, undercount: Int64)
    case joining(merges: Int, of: Int)
  }

  /// `[PAD]`, 256 bytes, `[SOT]`, `[EOT]`.
  package static let smallestVocabSize = 259
  /// About 5 GB of memory in the worst case.
  package static let defaultMaxWords = 30_000_000

  /// V to reach, special tokens included. A corpus with too few pairs yields a smaller one.
  package var vocabSize: Int
  /// The least number of times that a pair must occur to be joined.
  package var minFrequency: Int
  /// Distinct words to count exactly; beyond, the rarest are forgotten.
  package var maxWords: Int
  package var threads: Int

  /// - Throws: `KelipError` where `vocabSize` has no room for the bytes and special tokens.
  package init(
    vocabSize: Int, minFrequency: Int = 2, maxWords: Int = Self.defaultMaxWords, threads: Int = 1
  ) throws {
    guard vocabSize >= Self.smallestVocabSize, vocabSize <= Int(Int32.max) else {
      throw KelipError(
        "a vocabulary of \(vocabSize) is too \(vocabSize < Self.smallestVocabSize ? "small" : "large")",
        hint: "it holds 256 bytes and 3 special tokens, so ask for at least \(Self.smallestVocabSize)")
    }
    guard (1...Int(Int32.max) / 2).contains(maxWords) else {
      throw KelipError("cannot hold \(maxWords) distinct words", hint: "ask for at least 1")
    }
    (self.vocabSize, self.minFrequency) = (vocabSize, minFrequency)
    (self.maxWords, self.threads) = (maxWords, max(1, threads))
  }

  /// Learns from `texts`, one caption each. Texts are lower-cased, as they will be when encoded.
  package func train(
    on texts: some Sequence<String>, progress: (Progress) -> Void = { _ in }
  ) throws -> BytePairTokenizer {
    let normalizer = TextNormalizer(steps: [.lowercase])
    let counter = WordCounter(normalizer: normalizer, threads: threads, limit: maxWords)
    var learner = MergeLearner(counter.count(texts, progress: progress))
    let addedLater: [SpecialToken] = [.start, .end]
    let merges = learner.learn(
      vocabSize: vocabSize - addedLater.count, minFrequency: minFrequency
    ) { progress(.joining(merges: $0, of: vocabSize - Self.smallestVocabSize)) }
    let size = Int32(learner.vocabulary.count)
    let added =
      [AddedToken(id: 0, content: SpecialToken.pad.rawValue, special: true)]
      + addedLater.enumerated().map { AddedToken(id: size + Int32($0), content: $1.rawValue, special: true) }
    return try BytePairTokenizer(
      vocabulary: learner.vocabulary, mergePairs: merges, addedTokens: added,
      layout: BytePairTokenizer.Layout(normalizer: normalizer), location: nil)
  }
}
