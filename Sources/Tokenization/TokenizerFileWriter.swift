import Basics
import Foundation

/// Spells a tokenizer as Hugging Face `tokenizers` does, so that equal tokenizers are equal files.
///
/// `JSONText` would put a value on a line; `tokenizers` indents by two spaces, and that is what this does.
private struct IndentedJSON {
  private(set) var text = ""

  mutating func write(_ value: JSONText, indent: Int = 0) {
    switch value {
    case .array(let values) where !values.isEmpty:
      list("[", "]", values, indent: indent) { $0.write($1, indent: indent + 2) }
    case .object(let members) where !members.isEmpty:
      list("{", "}", members, indent: indent) { writer, member in
        writer.text += JSONText.quoted(member.0) + ": "
        writer.write(member.1, indent: indent + 2)
      }
    default: text += value.text
    }
  }

  private mutating func list<Element>(
    _ open: String, _ close: String, _ elements: [Element], indent: Int,
    _ write: (inout IndentedJSON, Element) -> Void
  ) {
    let margin = String(repeating: " ", count: indent)
    text += open
    for (index, element) in elements.enumerated() {
      text += index > 0 ? ",\n" : "\n"
      text += margin + "  "
      write(&self, element)
    }
    text += "\n" + margin + close
  }
}

/// The parts of a `tokenizer.json`.
private enum TokenizerFileParts {
  static func file(
    added: [AddedToken], normalizer: JSONText, preTokenizer: JSONText, postProcessor: JSONText,
    decoder: JSONText,
    model: JSONText
  ) -> Data {
    var writer = IndentedJSON()
    writer.write(
      .object([
        ("version", .string("1.0")), ("truncation", .null), ("padding", .null),
        ("added_tokens", .array(added.sorted { $0.id < $1.id }.map(addedToken))), ("normalizer", normalizer),
        ("pre_tokenizer", preTokenizer), ("post_processor", postProcessor), ("decoder", decoder),
        ("model", model),
      ]))
    return Data(writer.text.utf8)
  }

  private static func addedToken(_ token: AddedToken) -> JSONText {
    .object([
      ("id", .integer(Int(token.id))), ("content", .string(token.content)), ("single_word", .bool(false)),
      ("lstrip", .bool(false)), ("rstrip", .bool(false)), ("normalized", .bool(token.normalized)),
      ("special", .bool(token.special)),
    ])
  }

  static func vocabulary(_ texts: [String?]) -> JSONText {
    .object(texts.enumerated().compactMap { id, text in text.map { ($0, .integer(id)) } })
  }

  static func byteLevel(prefixSpace: Bool) -> JSONText {
    .object([
      ("type", .string("ByteLevel")), ("add_prefix_space", .bool(prefixSpace)), ("trim_offsets", .bool(true)),
      ("use_regex", .bool(true)),
    ])
  }

  /// A step alone or several as a `Sequence`.
  static func sequence(_ steps: [JSONText], key: String) -> JSONText {
    steps.count > 1 ? .object([("type", .string("Sequence")), (key, .array(steps))]) : steps.first ?? .null
  }
}

extension BytePairTokenizer {
  package func json(framing: TokenizerFraming) -> Data {
    TokenizerFileParts.file(
      added: addedTokens,
      normalizer: TokenizerFileParts.sequence(layout.normalizer.steps.map(Self.step), key: "normalizers"),
      preTokenizer: preTokenizer, postProcessor: postProcessor(framing),
      // A decoder ignores add_prefix_space; this is the value that `tokenizers` writes.
      decoder: TokenizerFileParts.byteLevel(prefixSpace: true), model: model)
  }

  private static func step(_ step: TextNormalizer.Step) -> JSONText {
    let type = ("type", JSONText.string(step.rawValue))
    guard step == .collapseSpace else { return .object([type]) }
    return .object([type, ("pattern", .object([("Regex", .string(#"\s+"#))])), ("content", .string(" "))])
  }

  private var preTokenizer: JSONText {
    let byteLevel = TokenizerFileParts.byteLevel(prefixSpace: false)
    guard case .clip(let findsSpecials) = layout.words else { return byteLevel }
    let expression = (findsSpecials ? BytePairFile.clipSpecials : "") + BytePairFile.clipWords
    let split = JSONText.object([
      ("type", .string("Split")), ("pattern", .object([("Regex", .string(expression))])),
      ("behavior", .string("Removed")), ("invert", .bool(true)),
    ])
    return TokenizerFileParts.sequence([split, byteLevel], key: "pretokenizers")
  }

  /// CLIP's own file frames texts; KELIP's leaves that to the caller.
  private func postProcessor(_ choice: TokenizerFraming) -> JSONText {
    guard choice == .framed || choice == .usual && kind == .clipBPE else { return .null }
    func framing(_ id: Int32) -> JSONText { .array([.string(token(id) ?? ""), .integer(Int(id))]) }
    return .object([
      ("type", .string("RobertaProcessing")), ("sep", framing(endID)), ("cls", framing(startID)),
      ("trim_offsets", .bool(false)), ("add_prefix_space", .bool(false)),
    ])
  }

  private var model: JSONText {
    let isCLIP = kind == .clipBPE
    let pairs = merges.pairs.map { pair in
      JSONText.array([.string(vocabulary[Int(pair.left)] ?? ""), .string(vocabulary[Int(pair.right)] ?? "")])
    }
    return .object([
      ("type", .string("BPE")), ("dropout", .null),
      ("unk_token", isCLIP ? .string(token(endID) ?? "") : .null),
      ("continuing_subword_prefix", isCLIP ? .string("") : .null),
      ("end_of_word_suffix", layout.endOfWordSuffix.isEmpty ? .null : .string(layout.endOfWordSuffix)),
      ("fuse_unk", .bool(false)), ("byte_fallback", .bool(false)), ("ignore_merges", .bool(false)),
      ("vocab", TokenizerFileParts.vocabulary(vocabulary)), ("merges", .array(pairs)),
    ])
  }
}

extension WordPieceTokenizer {
  package func json(framing: TokenizerFraming) -> Data {
    let options = layout.normalizer
    return TokenizerFileParts.file(
      added: addedTokens,
      normalizer: .object([
        ("type", .string("BertNormalizer")), ("clean_text", .bool(options.cleanText)),
        ("handle_chinese_chars", .bool(options.handleChineseChars)),
        ("strip_accents", options.stripAccents.map(JSONText.bool) ?? .null),
        ("lowercase", .bool(options.lowercase)),
      ]),
      preTokenizer: .object([("type", .string("BertPreTokenizer"))]),
      postProcessor: framing == .bare ? .null : postProcessor,
      decoder: .object([
        ("type", .string("WordPiece")), ("prefix", .string(layout.continuingPrefix)),
        ("cleanup", .bool(layout.cleansUp)),
      ]),
      model: .object([
        ("type", .string("WordPiece")), ("unk_token", .string(layout.unknownToken)),
        ("continuing_subword_prefix", .string(layout.continuingPrefix)),
        ("max_input_chars_per_word", .integer(layout.longestWord)),
        ("vocab", TokenizerFileParts.vocabulary(vocabulary)),
      ]))
  }

  /// `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`.
  private var postProcessor: JSONText {
    let (start, end) = (token(startID) ?? "", token(endID) ?? "")
    func special(_ token: String, _ type: Int) -> JSONText {
      .object([("SpecialToken", .object([("id", .string(token)), ("type_id", .integer(type))]))])
    }
    func sequence(_ name: String, _ type: Int) -> JSONText {
      .object([("Sequence", .object([("id", .string(name)), ("type_id", .integer(type))]))])
    }
    let single = [special(start, 0), sequence("A", 0), special(end, 0)]
    let tokens = [(start, startID), (end, endID)].map { token, id in
      (
        token,
        JSONText.object([
          ("id", .string(token)), ("ids", .array([.integer(Int(id))])), ("tokens", .array([.string(token)])),
        ])
      )
    }
    return .object([
      ("type", .string("TemplateProcessing")), ("single", .array(single)),
      ("pair", .array(single + [sequence("B", 1), special(end, 1)])), ("special_tokens", .object(tokens)),
    ])
  }
}
