import Basics

/// The WordPiece models of `tokenizer.json`.
enum WordPieceFile {
  static func tokenizer(_ file: JSONCursor, _ model: JSONCursor) throws -> WordPieceTokenizer {
    let preTokenizer = try file.member("pre_tokenizer")?.required("type").string()
    try TokenizerFile.refuse(
      "a pre_tokenizer other than BertPreTokenizer", if: preTokenizer != "BertPreTokenizer", at: file.location
    )
    let added = try TokenizerFile.addedTokens(file)
    let layout = WordPieceTokenizer.Layout(
      normalizer: try normalizer(file), unknownToken: try model.member("unk_token")?.string() ?? "[UNK]",
      continuingPrefix: try model.member("continuing_subword_prefix")?.string() ?? "##",
      longestWord: Int(try model.member("max_input_chars_per_word")?.tokenID() ?? 100),
      cleansUp: try file.member("decoder")?.member("cleanup")?.bool() ?? true)
    return try WordPieceTokenizer(
      vocabulary: try TokenizerFile.vocabulary(model, added: added).texts, addedTokens: added, layout: layout,
      location: file.location)
  }

  private static func normalizer(_ file: JSONCursor) throws -> BertNormalizer.Options {
    let steps = try TokenizerFile.steps(try file.member("normalizer"), in: "normalizers")
    let types = try steps.map { try $0.required("type").string() }
    try TokenizerFile.refuse(
      "a normalizer other than BertNormalizer", if: types != ["BertNormalizer"], at: file.location)
    return BertNormalizer.Options(
      cleanText: try steps[0].member("clean_text")?.bool() ?? true,
      handleChineseChars: try steps[0].member("handle_chinese_chars")?.bool() ?? true,
      stripAccents: try steps[0].member("strip_accents")?.bool(),
      lowercase: try steps[0].member("lowercase")?.bool() ?? true)
  }
}
