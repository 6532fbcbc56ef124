import Basics

/// The byte-level BPE models of `tokenizer.json`.
enum BytePairFile {
  /// The expression of CLIP's words; newer files name the special tokens as well.
  static let clipWords = #"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#
  static let clipSpecials = #"<\|startoftext\|>|<\|endoftext\|>|"#

  static func tokenizer(_ file: JSONCursor, _ model: JSONCursor) throws -> BytePairTokenizer {
    let location = file.location
    for key in ["byte_fallback", "ignore_merges"] {
      try TokenizerFile.refuse(key, if: try model.member(key)?.bool() ?? false, at: location)
    }
    try TokenizerFile.refuse("dropout", if: (try model.member("dropout")?.number() ?? 0) != 0, at: location)
    let prefix = try model.member("continuing_subword_prefix")?.string() ?? ""
    try TokenizerFile.refuse("continuing_subword_prefix", if: !prefix.isEmpty, at: location)
    let layout = BytePairTokenizer.Layout(
      normalizer: try normalizer(file), words: try words(file),
      endOfWordSuffix: try model.member("end_of_word_suffix")?.string() ?? "")
    let added = try TokenizerFile.addedTokens(file)
    let (vocabulary, ids) = try TokenizerFile.vocabulary(model, added: added)
    let lacksBytes = ByteAlphabet.characters.contains {
      ids[String($0)] == nil || ids[String($0) + layout.endOfWordSuffix] == nil
    }
    try TokenizerFile.refuse(
      "unk_token with bytes missing from the vocabulary",
      if: lacksBytes && (try model.member("unk_token")) != nil, at: location)
    return try BytePairTokenizer(
      vocabulary: vocabulary, mergePairs: try mergePairs(model, ids), addedTokens: added, layout: layout,
      location: location)
  }

  private static func normalizer(_ file: JSONCursor) throws -> TextNormalizer {
    let steps = try TokenizerFile.steps(try file.member("normalizer"), in: "normalizers")
    return TextNormalizer(
      steps: try steps.map { cursor in
        let type = try cursor.required("type").string()
        guard let step = TextNormalizer.Step(rawValue: type), try step != .collapseSpace || collapses(cursor)
        else {
          throw KelipError(
            "the normalizer '\(type)' is not supported", at: file.location, hint: "use NFC and Lowercase")
        }
        return step
      })
  }

  /// Whether a `Replace` puts a space for each run of white space.
  private static func collapses(_ step: JSONCursor) throws -> Bool {
    let pattern = try step.required("pattern").member("Regex")?.string()
    return try pattern == #"\s+"# && step.required("content").string() == " "
  }

  private static func words(_ file: JSONCursor) throws -> BytePairTokenizer.Words {
    let steps = try TokenizerFile.steps(try file.member("pre_tokenizer"), in: "pretokenizers")
    let types = try steps.map { try $0.required("type").string() }
    try TokenizerFile.refuse(
      "a pre_tokenizer other than ByteLevel and CLIP's",
      if: types != ["ByteLevel"] && types != ["Split", "ByteLevel"],
      at: file.location)
    let byteLevel = steps[steps.count - 1]
    try TokenizerFile.refuse(
      "add_prefix_space", if: try byteLevel.member("add_prefix_space")?.bool() ?? true, at: file.location)
    try TokenizerFile.refuse(
      "use_regex = false", if: !(try byteLevel.member("use_regex")?.bool() ?? true), at: file.location)
    return types.count == 1 ? .gpt2 : try clipWords(steps[0])
  }

  private static func clipWords(_ split: JSONCursor) throws -> BytePairTokenizer.Words {
    let pattern = try split.required("pattern").member("Regex")?.string() ?? ""
    let findsSpecials = pattern == clipSpecials + clipWords
    let isCLIPs =
      try (findsSpecials || pattern == clipWords) && split.required("behavior").string() == "Removed"
      && split.required("invert").bool()
    try TokenizerFile.refuse("a Split other than CLIP's", if: !isCLIPs, at: split.location)
    return .clip(findsSpecials: findsSpecials)
  }

  /// Pairs are written as `["a", "b"]` by newer and as `"a b"` by older releases.
  private static func mergePairs(_ model: JSONCursor, _ ids: TokenTable) throws -> [TokenPair] {
    guard case .array(let merges) = try model.required("merges").value else {
      throw model.fault("merges: a list is wanted")
    }
    return try merges.enumerated().map { rank, merge in
      guard let (left, right) = parts(merge), let leftID = ids[left], let rightID = ids[right] else {
        throw model.fault("merge \(rank) is not a pair of tokens of the vocabulary")
      }
      return TokenPair(leftID, rightID)
    }
  }

  private static func parts(_ merge: JSONValue) -> (String, String)? {
    switch merge {
    case .array(let values):
      guard values.count == 2, case .string(let left) = values[0], case .string(let right) = values[1] else {
        return nil
      }
      return (left, right)
    case .string(let text):
      let parts = text.utf8.split(separator: UInt8(ascii: " "), maxSplits: 1)
      guard parts.count == 2 else { return nil }
      return (String(Substring(parts[0])), String(Substring(parts[1])))
    default: return nil
    }
  }
}
