import Basics

/// Hugging Face's `tokenizer.json`, as far as its models are known here.
///
/// What would give other ids than `tokenizers` gives is refused: another model, normaliser or pre-tokeniser, word
/// prefixes, dropout, ….
enum TokenizerFile {
  static func tokenizer(_ bytes: [UInt8], at location: String) throws -> any Tokenizer {
    let file = try JSONParser.parse(bytes, at: location)
    let model = try file.required("model")
    switch try model.member("type")?.string() ?? "BPE" {
    case "BPE": return try BytePairFile.tokenizer(file, model)
    case "WordPiece": return try WordPieceFile.tokenizer(file, model)
    case let other:
      throw KelipError(
        "the model '\(other)' is not supported", at: location, hint: "use a byte-level BPE or a WordPiece")
    }
  }

  static func refuse(_ what: String, if condition: Bool, at location: String) throws {
    guard condition else { return }
    throw KelipError(
      "\(what) is not supported", at: location, hint: "use a tokenizer of GPT-2's, CLIP's or BERT's kind")
  }

  /// The steps of a normaliser or pre-tokeniser; those of a `Sequence` (`key` holds them) one by one.
  static func steps(_ cursor: JSONCursor?, in key: String) throws -> [JSONCursor] {
    guard let cursor else { return [] }
    guard try cursor.required("type").string() == "Sequence" else { return [cursor] }
    return try cursor.required(key).elements().flatMap { try steps($0, in: key) }
  }

  static func addedTokens(_ file: JSONCursor) throws -> [AddedToken] {
    let tokens = try file.member("added_tokens")?.elements().map { token in
      let content = try token.required("content").string()
      for key in ["single_word", "lstrip", "rstrip"] {
        try refuse(
          "\(key) of the added token '\(content)'", if: try token.member(key)?.bool() ?? false,
          at: file.location)
      }
      return AddedToken(
        id: try token.required("id").tokenID(), content: content,
        special: try token.member("special")?.bool() ?? false,
        normalized: try token.member("normalized")?.bool() ?? false)
    }
    return tokens ?? []
  }

  /// Token texts by id.
  static func vocabulary(_ model: JSONCursor, added: [AddedToken]) throws -> (
    texts: [String?], ids: TokenTable
  ) {
    let entries = try model.required("vocab").members()
    var ids = TokenTable(minimumCapacity: entries.count)
    var size = 0
    for entry in entries {
      guard let id = entry.value.tokenID else {
        throw model.fault("vocab: the id of '\(entry.key)' is \(entry.value.kindName) or out of range")
      }
      guard ids.set(id, for: entry.key) == nil else {
        throw model.fault("vocab: '\(entry.key)' stands there twice")
      }
      size = max(size, Int(id) + 1)
    }
    try Vocabulary.checkSize(size, tokenCount: entries.count, at: model.location)
    let largest = added.map { Int($0.id) + 1 }.max() ?? 0
    try Vocabulary.checkSize(largest, tokenCount: entries.count + added.count, at: model.location)
    return (try texts(entries, size: size, model), ids)
  }

  private static func texts(_ entries: [JSONValue.Member], size: Int, _ model: JSONCursor) throws -> [String?]
  {
    var texts = [String?](repeating: nil, count: size)
    for entry in entries {
      guard let id = entry.value.tokenID else { continue }
      if let other = texts[Int(id)] {
        throw model.fault("id \(id) belongs to '\(entry.key)' and to '\(other)'")
      }
      texts[Int(id)] = entry.key
    }
    return texts
  }
}
