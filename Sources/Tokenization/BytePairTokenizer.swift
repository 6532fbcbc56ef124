internal import Basics
import Foundation

/// Byte-level byte-pair encoding, equal id for id to Hugging Face `tokenizers` on the same `tokenizer.json`
/// (https://github.com/huggingface/tokenizers; the byte alphabet and the word expression are GPT-2's).
///
/// A text is normalised (NFC, lower case, as the file says), cut into words, and each word's bytes are joined by the
/// learned merges. KELIP's layout of ids: `[PAD]` 0, the 256 bytes from 1 on, the merges, and `[SOT]` and `[EOT]` as
/// the two largest.
package final class BytePairTokenizer: Sendable {
  /// Token texts in the byte alphabet by id; nil where only an added token has the id.
  let vocabulary: [String?]
  let merges: MergeList
  let addedTokens: [AddedToken]
  let normalizer: TextNormalizer

  /// The id of each single byte; -1 where the vocabulary lacks it (such bytes are dropped, as `tokenizers` does).
  private let byteIDs: [Int32]
  /// What each id decodes to.
  private let tokenBytes: [[UInt8]]
  private let addedTokenMatcher: AddedTokenMatcher
  private let cache = WordCache()

  /// V: the largest id and one, the rows of an embedding table.
  package let vocabSize: Int
  /// The id of `[PAD]`; 0 in a file that names none.
  package let padID: Int32
  /// The id of `[SOT]` (or CLIP's `<|startoftext|>`).
  package let sotID: Int32
  /// The id of `[EOT]` (or CLIP's `<|endoftext|>`).
  package let eotID: Int32

  /// - Parameters:
  ///   - mergePairs: token ids by rank; each pair's joined text is in the vocabulary.
  ///   - location: where the parts come from, for errors.
  /// - Throws: `KelipError` where a merge has no joined token or the start or end token is missing.
  init(
    vocabulary: [String?], mergePairs: [TokenPair], addedTokens: [AddedToken], normalizer: TextNormalizer,
    location: String?
  ) throws {
    let ids = Self.idsByText(vocabulary: vocabulary, addedTokens: addedTokens)
    self.vocabulary = vocabulary
    self.addedTokens = addedTokens
    self.normalizer = normalizer
    merges = MergeList(
      pairs: mergePairs,
      joined: try mergePairs.map { try Self.joinedID(of: $0, vocabulary: vocabulary, ids: ids, at: location) }
    )
    byteIDs = ByteAlphabet.characters.map { ids[String($0)] ?? -1 }
    vocabSize = Int(max(Int32(vocabulary.count) - 1, addedTokens.map(\.id).max() ?? -1)) + 1
    tokenBytes = Self.tokenBytes(count: vocabSize, vocabulary: vocabulary, addedTokens: addedTokens)
    addedTokenMatcher = AddedTokenMatcher(addedTokens)
    padID = SpecialToken.pad.id(in: ids) ?? 0
    sotID = try SpecialToken.start.requiredID(in: ids, at: location)
    eotID = try SpecialToken.end.requiredID(in: ids, at: location)
  }

  private static func idsByText(vocabulary: [String?], addedTokens: [AddedToken]) -> [String: Int32] {
    var ids: [String: Int32] = [:]
    ids.reserveCapacity(vocabulary.count + addedTokens.count)
    for (id, text) in vocabulary.enumerated() { if let text { ids[text] = Int32(id) } }
    for token in addedTokens { ids[token.content] = token.id }
    return ids
  }

  private static func joinedID(
    of pair: TokenPair, vocabulary: [String?], ids: [String: Int32], at location: String?
  ) throws -> Int32 {
    let joined = (vocabulary[Int(pair.left)] ?? "") + (vocabulary[Int(pair.right)] ?? "")
    guard let id = ids[joined] else {
      throw KelipError("the merge into '\(joined)' has no entry in the vocabulary", at: location)
    }
    return id
  }

  private static func tokenBytes(
    count: Int, vocabulary: [String?], addedTokens: [AddedToken]
  ) -> [[UInt8]] {
    var result = [[UInt8]](repeating: [], count: count)
    for (id, text) in vocabulary.enumerated() {
      if let text { result[id] = ByteAlphabet.bytes(of: text) ?? Array(text.utf8) }
    }
    for token in addedTokens { result[Int(token.id)] = Array(token.content.utf8) }
    return result
  }

  // MARK: - Encoding

  /// The ids of `text`, without a start or end token. As in `tokenizers`, a special token that is spelled out in the
  /// text becomes its id.
  package func encode(_ text: String) -> [Int32] {
    var ids: [Int32] = []
    var text = text
    text.withUTF8 { bytes in
      for segment in addedTokenMatcher.segments(of: bytes) {
        switch segment {
        case .added(let id): ids.append(id)
        case .text(let range): append(UnsafeBufferPointer(rebasing: bytes[range]), to: &ids)
        }
      }
    }
    return ids
  }

  /// `[SOT]`, the first `contextLength - 2` ids of `text`, `[EOT]`; not padded, since captions are packed.
  package func encodeCaption(_ text: String, contextLength: Int) -> [Int32] {
    precondition(contextLength >= 2, "a context of \(contextLength) has no room for [SOT] and [EOT]")
    return [sotID] + encode(text).prefix(contextLength - 2) + [eotID]
  }

  private func append(_ text: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
    normalizer.normalized(text).withUnsafeBufferPointer { normalized in
      for range in WordScanner(normalized) {
        let word = UnsafeBufferPointer(rebasing: normalized[range])
        cache.append(word, to: &ids) { merges.merged($0.map { byteIDs[Int($0)] }.filter { $0 >= 0 }) }
      }
    }
  }

  // MARK: - Decoding

  /// The text of `ids`. Bytes that are no UTF-8 become U+FFFD; unknown ids are skipped.
  ///
  /// - Parameter skippingSpecials: leave out `[PAD]`, `[SOT]`, `[EOT]` and other special tokens.
  package func decode(_ ids: some Sequence<Int32>, skippingSpecials: Bool = true) -> String {
    let skipped = skippingSpecials ? Set(addedTokens.filter(\.special).map(\.id)) : []
    var bytes: [UInt8] = []
    for id in ids where !skipped.contains(id) && tokenBytes.indices.contains(Int(id)) {
      bytes += tokenBytes[Int(id)]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The token of `id` as the file spells it, e.g. `Ġcat`.
  package func token(_ id: Int32) -> String? {
    if let added = addedTokens.first(where: { $0.id == id }) { return added.content }
    return vocabulary.indices.contains(Int(id)) ? vocabulary[Int(id)] : nil
  }

  /// How many merges were learned.
  package var mergeCount: Int { merges.pairs.count }
}
