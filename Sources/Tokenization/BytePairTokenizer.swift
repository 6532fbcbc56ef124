import Basics
import Foundation

/// Byte-level byte-pair encoding, equal id for id to Hugging Face `tokenizers` on the same `tokenizer.json`
/// (https://github.com/huggingface/tokenizers; the byte alphabet is GPT-2's).
///
/// A text is normalised (NFC, lower case, as the file says), cut into words, and each word's bytes are joined by the
/// learned merges. KELIP's layout of ids: `[PAD]` 0, the 256 bytes from 1 on, the merges, and `[SOT]` and `[EOT]` as
/// the two largest. CLIP's: 256 bytes, 256 bytes that end a word, the merges, start and end.
package final class BytePairTokenizer: Tokenizer {
  /// The expression that finds words.
  enum Words: Equatable, Sendable {
    case gpt2
    /// - Parameter findsSpecials: whether the expression names CLIP's special tokens.
    case clip(findsSpecials: Bool)
  }

  /// How text becomes bytes to be joined.
  struct Layout: Equatable, Sendable {
    var normalizer: TextNormalizer
    var words = Words.gpt2
    /// What the last byte of a word carries: CLIP's `</w>`, or nothing.
    var endOfWordSuffix = ""
  }

  /// Token texts in the byte alphabet.
  private let tokens: Vocabulary
  let merges: MergeList
  let layout: Layout
  let added: AddedVocabulary

  /// The id of each single byte, within a word and at its end; -1 where the vocabulary lacks it (such bytes are dropped,
  /// as `tokenizers` does).
  private let byteIDs: [Int32]
  private let lastByteIDs: [Int32]
  /// What each id decodes to.
  private let tokenBytes: [[UInt8]]
  private let cache = WordCache()

  package let padID: Int32
  package let startID: Int32
  package let endID: Int32
  package let maskID: Int32?
  package var vocabSize: Int { tokens.size }
  var vocabulary: [String?] { tokens.texts }
  var addedTokens: [AddedToken] { added.tokens }

  /// - Parameters:
  ///   - vocabulary: token texts in the byte alphabet by id.
  ///   - mergePairs: token ids by rank; each pair's joined text is in the vocabulary.
  ///   - location: where the parts come from, for errors.
  /// - Throws: `KelipError` where a merge has no joined token or the start or end token is missing.
  init(
    vocabulary: [String?], mergePairs: [TokenPair], addedTokens: [AddedToken], layout: Layout,
    location: String?
  ) throws {
    let tokens = Vocabulary(texts: vocabulary, addedTokens: addedTokens)
    self.tokens = tokens
    self.layout = layout
    added = AddedVocabulary(addedTokens, normalize: layout.normalizer.normalized)
    merges = MergeList(
      pairs: mergePairs, joined: try mergePairs.map { try Self.joinedID(of: $0, in: tokens, at: location) })
    byteIDs = ByteAlphabet.characters.map { tokens.ids[String($0)] ?? -1 }
    lastByteIDs = ByteAlphabet.characters.map { tokens.ids[String($0) + layout.endOfWordSuffix] ?? -1 }
    tokenBytes = Self.tokenBytes(tokens, addedTokens: addedTokens)
    padID = SpecialToken.pad.id(in: tokens.ids) ?? 0
    startID = try SpecialToken.start.requiredID(in: tokens.ids, at: location)
    endID = try SpecialToken.end.requiredID(in: tokens.ids, at: location)
    maskID = SpecialToken.mask.id(in: tokens.ids)
  }

  private static func joinedID(
    of pair: TokenPair, in tokens: Vocabulary, at location: String?
  ) throws -> Int32 {
    let joined = (tokens[pair.left] ?? "") + (tokens[pair.right] ?? "")
    guard let id = tokens.ids[joined] else {
      throw KelipError("the merge into '\(joined)' has no entry in the vocabulary", at: location)
    }
    return id
  }

  private static func tokenBytes(_ tokens: Vocabulary, addedTokens: [AddedToken]) -> [[UInt8]] {
    var result = [[UInt8]](repeating: [], count: tokens.size)
    for (id, text) in tokens.texts.enumerated() {
      if let text { result[id] = ByteAlphabet.bytes(of: text) ?? Array(text.utf8) }
    }
    for token in addedTokens { result[Int(token.id)] = Array(token.content.utf8) }
    return result
  }

  package var kind: TokenizerKind { layout.words == .gpt2 ? .byteLevelBPE : .clipBPE }

  /// How many merges were learned.
  package var mergeCount: Int { merges.pairs.count }

  package var facts: [(String, JSONText)] {
    [
      ("merges", .integer(mergeCount)),
      ("normalizer", .array(layout.normalizer.steps.map { .string($0.rawValue) })),
      ("end_of_word_suffix", .string(layout.endOfWordSuffix)),
    ]
  }

  // MARK: - Encoding

  package func encode(_ text: String) -> [Int32] {
    added.encode(text, normalize: layout.normalizer.normalized) { normalized, ids in
      switch layout.words {
      case .gpt2: append(normalized, words: WordScanner(normalized), to: &ids)
      case .clip(let findsSpecials):
        append(normalized, words: CLIPWordScanner(normalized, findsSpecials: findsSpecials), to: &ids)
      }
    }
  }

  private func append(
    _ text: UnsafeBufferPointer<UInt8>, words: some Sequence<Range<Int>>, to ids: inout [Int32]
  ) {
    for range in words {
      cache.append(UnsafeBufferPointer(rebasing: text[range]), to: &ids, compute: appendWord)
    }
  }

  private func appendWord(_ word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: word.count) { places in
      var count = 0
      for index in word.indices {
        let id = index + 1 < word.count ? byteIDs[Int(word[index])] : lastByteIDs[Int(word[index])]
        guard id >= 0 else { continue }
        places.initializeElement(at: count, to: id)
        count += 1
      }
      merges.appendMerged(UnsafeMutableBufferPointer(rebasing: places[..<count]), to: &ids)
    }
  }

  // MARK: - Decoding

  package func decode(_ ids: [Int32], skippingSpecials: Bool) -> String {
    var bytes: [UInt8] = []
    for id in added.kept(ids, skippingSpecials: skippingSpecials) where tokenBytes.indices.contains(Int(id)) {
      bytes += tokenBytes[Int(id)]
    }
    let text = String(decoding: bytes, as: UTF8.self)
    guard !layout.endOfWordSuffix.isEmpty else { return text }
    return text.replacingOccurrences(of: layout.endOfWordSuffix, with: " ", options: .literal)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  package func token(_ id: Int32) -> String? { added.content(of: id) ?? tokens[id] }
}
