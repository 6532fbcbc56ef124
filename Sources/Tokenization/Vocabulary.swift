import Basics

/// Tokens by id and ids by token.
struct Vocabulary: Sendable {
  /// Token texts by id; nil where only an added token has the id, or none.
  let texts: [String?]
  /// Ids by text, those of added tokens among them.
  let ids: TokenTable
  /// V: the largest id and one.
  let size: Int

  init(texts: [String?], addedTokens: [AddedToken]) {
    self.texts = texts
    var ids = TokenTable(minimumCapacity: texts.count + addedTokens.count)
    for (id, text) in texts.enumerated() { if let text { ids.set(Int32(id), for: text) } }
    for token in addedTokens { ids.set(token.id, for: token.content) }
    self.ids = ids
    size = Int(max(Int32(texts.count) - 1, addedTokens.map(\.id).max() ?? -1)) + 1
  }

  subscript(id: Int32) -> String? { texts.indices.contains(Int(id)) ? texts[Int(id)] : nil }

  /// Ids need not be dense, but a far outlier is a broken file and not a reason to allocate.
  static func checkSize(_ size: Int, tokenCount: Int, at location: String) throws {
    guard size <= 16 * (tokenCount + 1) else {
      throw KelipError("ids up to \(size - 1) for \(tokenCount) tokens", at: location)
    }
  }
}
