/// The added tokens of a tokenizer: those that are found in the text as it is, and those that are found in the
/// normalised text between them.
struct AddedVocabulary: Sendable {
  let tokens: [AddedToken]
  private let original: AddedTokenMatcher
  private let normalized: AddedTokenMatcher
  private let specialIDs: Set<Int32>

  init(_ tokens: [AddedToken], normalize: (UnsafeBufferPointer<UInt8>) -> [UInt8]) {
    self.tokens = tokens
    original = AddedTokenMatcher(tokens.filter { !$0.normalized })
    normalized = AddedTokenMatcher(tokens.filter(\.normalized), normalize: normalize)
    specialIDs = Set(tokens.filter(\.special).map(\.id))
  }

  /// The ids of `text`; `encode` appends those of a normalised stretch without added tokens.
  func encode(
    _ text: String, normalize: (UnsafeBufferPointer<UInt8>) -> [UInt8],
    encode: (UnsafeBufferPointer<UInt8>, inout [Int32]) -> Void
  ) -> [Int32] {
    var ids: [Int32] = []
    var text = text
    text.withUTF8 { bytes in
      original.split(bytes, into: &ids) { stretch, ids in
        normalize(stretch).withUnsafeBufferPointer { normalized.split($0, into: &ids, encode: encode) }
      }
    }
    return ids
  }

  /// `ids` without special tokens, if those are to be skipped.
  func kept(_ ids: [Int32], skippingSpecials: Bool) -> [Int32] {
    skippingSpecials ? ids.filter { !specialIDs.contains($0) } : ids
  }

  func content(of id: Int32) -> String? { tokens.first { $0.id == id }?.content }
}
