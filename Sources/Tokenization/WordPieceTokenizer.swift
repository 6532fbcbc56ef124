import Basics
import Foundation

/// BERT's WordPiece (Devlin et al. 2018; Wu et al. 2016), equal id for id to Hugging Face `tokenizers`: words are cut at
/// white space and punctuation, and each is spelled by the longest pieces of the vocabulary from left to right; one that
/// cannot be is `[UNK]`.
package final class WordPieceTokenizer: Tokenizer {
  /// The parts of the model beside its vocabulary.
  struct Layout: Equatable, Sendable {
    var normalizer = BertNormalizer.Options()
    var unknownToken = "[UNK]"
    var continuingPrefix = "##"
    /// Longer words, in scalars, are unknown.
    var longestWord = 100
    /// Whether decoding takes out the spaces before punctuation.
    var cleansUp = true
  }

  private let tokens: Vocabulary
  let layout: Layout
  let added: AddedVocabulary
  private let normalizer: BertNormalizer
  private let trie: PieceTrie
  private let cache = WordCache()

  package let padID: Int32
  package let startID: Int32
  package let endID: Int32
  package let maskID: Int32?
  let unknownID: Int32
  package var vocabSize: Int { tokens.size }
  package var kind: TokenizerKind { .wordPiece }
  var vocabulary: [String?] { tokens.texts }
  var addedTokens: [AddedToken] { added.tokens }

  /// - Parameters:
  ///   - vocabulary: token texts by id; nil where no token has the id.
  ///   - location: where the parts come from, for errors.
  /// - Throws: `KelipError` where `[UNK]`, `[CLS]` or `[SEP]` is missing.
  init(vocabulary: [String?], addedTokens: [AddedToken], layout: Layout, location: String) throws {
    let tokens = Vocabulary(texts: vocabulary, addedTokens: addedTokens)
    (self.tokens, self.layout) = (tokens, layout)
    let normalizer = BertNormalizer(layout.normalizer)
    self.normalizer = normalizer
    added = AddedVocabulary(addedTokens, normalize: normalizer.normalized)
    trie = Self.trie(of: vocabulary, prefix: Array(layout.continuingPrefix.utf8))
    guard let unknown = tokens.ids[layout.unknownToken] else {
      throw KelipError(
        "the vocabulary has no \(layout.unknownToken)", at: location,
        hint: "a WordPiece vocabulary needs a token for words that it cannot spell")
    }
    unknownID = unknown
    padID = SpecialToken.pad.id(in: tokens.ids) ?? 0
    startID = try SpecialToken.start.requiredID(in: tokens.ids, at: location)
    endID = try SpecialToken.end.requiredID(in: tokens.ids, at: location)
    maskID = SpecialToken.mask.id(in: tokens.ids)
  }

  private static func trie(of vocabulary: [String?], prefix: [UInt8]) -> PieceTrie {
    var trie = PieceTrie()
    for (id, text) in vocabulary.enumerated() {
      guard let text, !text.isEmpty else { continue }
      trie.insert(text.utf8, id: Int32(id), at: .wordStart)
      if text.utf8.count > prefix.count, text.utf8.starts(with: prefix) {
        trie.insert(text.utf8.dropFirst(prefix.count), id: Int32(id), at: .continuation)
      }
    }
    return trie
  }

  package var facts: [(String, JSONText)] {
    [
      ("unknown_id", .integer(Int(unknownID))),
      ("lowercase", .bool(layout.normalizer.lowercase)),
      ("strip_accents", .bool(layout.normalizer.stripsAccents)),
    ]
  }

  // MARK: - Encoding

  package func encode(_ text: String) -> [Int32] {
    added.encode(text, normalize: normalizer.normalized) { normalized, ids in
      for range in BertWordScanner(normalized) {
        cache.append(UnsafeBufferPointer(rebasing: normalized[range]), to: &ids, compute: appendWord)
      }
    }
  }

  private func appendWord(_ word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
    // A scalar has one byte that is no continuation.
    guard word.count <= layout.longestWord || word.count(where: { $0 & 0xC0 != 0x80 }) <= layout.longestWord
    else {
      return ids.append(unknownID)
    }
    let first = ids.count
    var start = 0
    var position = PieceTrie.Position.wordStart
    while start < word.count {
      guard let piece = trie.longest(in: word, from: start, at: position) else {
        ids.removeSubrange(first...)
        return ids.append(unknownID)
      }
      ids.append(piece.id)
      start = piece.end
      position = .continuation
    }
  }

  // MARK: - Decoding

  package func decode(_ ids: [Int32], skippingSpecials: Bool) -> String {
    var text = ""
    for (index, id) in added.kept(ids, skippingSpecials: skippingSpecials).enumerated() {
      guard let token = token(id) else { continue }
      text += spelled(token, isFirst: index == 0)
    }
    return text
  }

  private func spelled(_ token: String, isFirst: Bool) -> String {
    let prefix = layout.continuingPrefix
    var text = token
    if !isFirst {
      let continues = !prefix.isEmpty && token.utf8.starts(with: prefix.utf8)
      text = continues ? String(token.unicodeScalars.dropFirst(prefix.unicodeScalars.count)) : " " + token
    }
    guard layout.cleansUp else { return text }
    for (spaced, tight) in Self.tightened {
      text = text.replacingOccurrences(of: spaced, with: tight, options: .literal)
    }
    return text
  }

  private static let tightened = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ]

  package func token(_ id: Int32) -> String? { added.content(of: id) ?? tokens[id] }
}
