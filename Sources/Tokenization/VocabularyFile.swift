import Basics
import Foundation

/// BERT's `vocab.txt`: a token a line, the id is the number of the line from 0.
enum VocabularyFile {
  /// The tokens that transformers adds as special, in its order.
  private static let specials = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]

  static func tokenizer(_ lines: [String], lowercase: Bool?, at location: String) throws -> WordPieceTokenizer
  {
    var ids = TokenTable(minimumCapacity: lines.count)
    var vocabulary = lines.map(Optional.init)
    // A repeated token has the id of its last line, as in transformers.
    for (id, token) in lines.enumerated() {
      if let earlier = ids.set(Int32(id), for: token) { vocabulary[Int(earlier)] = nil }
    }
    let added = specials.compactMap { token in
      ids[token].map { AddedToken(id: $0, content: token, special: true) }
    }
    var layout = WordPieceTokenizer.Layout()
    layout.normalizer = try options(lines, lowercase: lowercase, at: location)
    guard ids["[UNK]"] != nil, ids["[CLS]"] != nil, ids["[SEP]"] != nil else {
      throw KelipError(
        "neither CLIP's merges nor BERT's vocabulary: no [UNK], [CLS] or [SEP] among \(lines.count) lines",
        at: location, hint: "give a tokenizer.json, a bpe_simple_vocab_16e6.txt.gz or a vocab.txt")
    }
    return try WordPieceTokenizer(
      vocabulary: vocabulary, addedTokens: added.sorted { $0.id < $1.id }, layout: layout, location: location)
  }

  private static func options(
    _ lines: [String], lowercase: Bool?, at location: String
  ) throws -> BertNormalizer.Options {
    var options = BertNormalizer.Options()
    let beside = URL(filePath: location).deletingLastPathComponent().appending(path: "tokenizer_config.json")
    if let data = try? Data(contentsOf: beside) {
      let config = try JSONParser.parse(Array(data), at: beside.path)
      options.stripAccents = try config.member("strip_accents")?.bool()
      options.handleChineseChars = try config.member("tokenize_chinese_chars")?.bool() ?? true
      // transformers takes a model as uncased where the file does not say.
      options.lowercase = try config.member("do_lower_case")?.bool() ?? true
    } else {
      options.lowercase = !lines.contains(where: isCased)
    }
    if let lowercase { options.lowercase = lowercase }
    return options
  }

  /// Whether a token has an upper-case letter; names in brackets do not count.
  private static func isCased(_ token: String) -> Bool {
    !(token.hasPrefix("[") && token.hasSuffix("]"))
      && token.unicodeScalars.contains { ScalarProperties.changesWhenLowercased($0.value) }
  }
}
