internal import Basics
import Foundation

/// The parts of a Hugging Face `tokenizer.json` that a byte-level BPE consists of.
private struct TokenizerFile: Decodable {
  struct Added: Decodable {
    var id: Int32
    var content: String
    var single_word: Bool?
    var lstrip: Bool?
    var rstrip: Bool?
    var normalized: Bool?
    var special: Bool?
  }

  /// A normaliser or pre-tokeniser; a `Sequence` holds others.
  struct Step: Decodable {
    var type: String
    var normalizers: [Step]?
    var pretokenizers: [Step]?
    var add_prefix_space: Bool?
    var use_regex: Bool?

    var flattened: [Step] {
      type == "Sequence" ? (normalizers ?? pretokenizers ?? []).flatMap(\.flattened) : [self]
    }
  }

  struct Model: Decodable {
    var type: String?
    var dropout: Double?
    var unk_token: String?
    var continuing_subword_prefix: String?
    var end_of_word_suffix: String?
    var byte_fallback: Bool?
    var ignore_merges: Bool?
    var vocab: [String: Int32]
    var merges: Merges
  }

  /// Pairs, written as `["a", "b"]` by newer and as `"a b"` by older releases.
  struct Merges: Decodable {
    var pairs: [[String]]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let pairs = try? container.decode([[String]].self) {
        self.pairs = pairs
      } else {
        pairs = try container.decode([String].self).map {
          $0.split(separator: " ", maxSplits: 1).map { String($0) }
        }
      }
    }
  }

  var added_tokens: [Added]?
  var normalizer: Step?
  var pre_tokenizer: Step?
  var model: Model
}

extension BytePairTokenizer {
  /// Reads a Hugging Face `tokenizer.json` with a byte-level BPE model.
  ///
  /// - Throws: `KelipError` where the file cannot be read, or asks for something that would give other ids here (another
  ///   model, normaliser or pre-tokeniser, word prefixes or suffixes, dropout, …).
  package convenience init(contentsOf url: URL) throws {
    let location = url.path
    let file: TokenizerFile
    do {
      file = try JSONDecoder().decode(TokenizerFile.self, from: Data(contentsOf: url))
    } catch let error as DecodingError {
      throw KelipError(
        "not a tokenizer.json with a BPE model: \(error)", at: location,
        hint: "save the tokenizer with Hugging Face tokenizers' Tokenizer.save")
    } catch {
      throw KelipError("cannot read the tokenizer: \(error.localizedDescription)", at: location)
    }
    try file.refuseUnsupported(at: location)
    let vocabulary = try file.vocabulary(at: location)
    try self.init(
      vocabulary: vocabulary, mergePairs: file.mergePairs(at: location),
      addedTokens: (file.added_tokens ?? []).map {
        AddedToken(id: $0.id, content: $0.content, special: $0.special ?? false)
      },
      normalizer: file.textNormalizer(at: location), location: location)
  }
}

extension TokenizerFile {
  fileprivate func refuseUnsupported(at location: String) throws {
    func refuse(_ what: String, if condition: Bool) throws {
      guard condition else { return }
      throw KelipError(
        "\(what) is not supported", at: location, hint: "use a byte-level BPE as kelip trains it")
    }
    try refuse("the model '\(model.type ?? "")'", if: model.type != nil && model.type != "BPE")
    try refuse("dropout", if: (model.dropout ?? 0) != 0)
    try refuse("continuing_subword_prefix", if: !(model.continuing_subword_prefix ?? "").isEmpty)
    try refuse("end_of_word_suffix", if: !(model.end_of_word_suffix ?? "").isEmpty)
    try refuse("byte_fallback", if: model.byte_fallback ?? false)
    try refuse("ignore_merges", if: model.ignore_merges ?? false)
    try refuse("unk_token with bytes missing from the vocabulary", if: model.unk_token != nil && lacksBytes)
    let steps = pre_tokenizer?.flattened ?? []
    try refuse("a pre_tokenizer other than ByteLevel", if: steps.map(\.type) != ["ByteLevel"])
    try refuse("add_prefix_space", if: steps[0].add_prefix_space ?? true)
    try refuse("use_regex = false", if: !(steps[0].use_regex ?? true))
    for token in added_tokens ?? [] {
      let plain = ![token.single_word, token.lstrip, token.rstrip, token.normalized].contains(true)
      try refuse(
        "single_word, lstrip, rstrip or normalized of the added token '\(token.content)'", if: !plain)
      try refuse("the negative id of '\(token.content)'", if: token.id < 0)
    }
  }

  private var lacksBytes: Bool { ByteAlphabet.characters.contains { model.vocab[String($0)] == nil } }

  fileprivate func textNormalizer(at location: String) throws -> TextNormalizer {
    TextNormalizer(
      steps: try (normalizer?.flattened ?? []).map { step in
        guard let known = TextNormalizer.Step(rawValue: step.type) else {
          throw KelipError(
            "the normalizer '\(step.type)' is not supported", at: location, hint: "use NFC and Lowercase")
        }
        return known
      })
  }

  fileprivate func vocabulary(at location: String) throws -> [String?] {
    let size = Int(model.vocab.values.max() ?? -1) + 1
    // Ids need not be dense, but a far outlier is a broken file and not a reason to allocate.
    guard size <= 16 * (model.vocab.count + 1), model.vocab.values.allSatisfy({ $0 >= 0 }) else {
      throw KelipError("ids up to \(size - 1) for \(model.vocab.count) tokens", at: location)
    }
    var vocabulary = [String?](repeating: nil, count: size)
    for (text, id) in model.vocab {
      if let other = vocabulary[Int(id)] {
        throw KelipError("id \(id) belongs to '\(text)' and to '\(other)'", at: location)
      }
      vocabulary[Int(id)] = text
    }
    return vocabulary
  }

  fileprivate func mergePairs(at location: String) throws -> [TokenPair] {
    try model.merges.pairs.enumerated().map { rank, pair in
      guard pair.count == 2, let left = model.vocab[pair[0]], let right = model.vocab[pair[1]] else {
        throw KelipError("merge \(rank) \(pair) is not a pair of tokens of the vocabulary", at: location)
      }
      return TokenPair(left, right)
    }
  }
}
