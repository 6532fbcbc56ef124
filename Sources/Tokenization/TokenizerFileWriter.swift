internal import Basics
import Foundation

/// Spells a tokenizer as Hugging Face `tokenizers` does, line by line, so that equal tokenizers are equal files.
private struct TokenizerFileWriter {
  private var lines: [String] = []

  /// Adds `entries` as the lines of a JSON list or object, all but the last followed by a comma.
  private mutating func add(_ entries: [String], indent: Int) {
    let margin = String(repeating: " ", count: indent)
    for (index, entry) in entries.enumerated() {
      lines.append(margin + entry + (index + 1 < entries.count ? "," : ""))
    }
  }

  static func text(of tokenizer: BytePairTokenizer) -> String {
    var writer = TokenizerFileWriter()
    writer.lines = ["{", "  \"version\": \"1.0\",", "  \"truncation\": null,", "  \"padding\": null,"]
    writer.addAddedTokens(tokenizer.addedTokens)
    writer.addNormalizer(tokenizer.normalizer)
    writer.addByteLevel("pre_tokenizer", prefixSpace: false)
    writer.lines.append("  \"post_processor\": null,")
    // A decoder ignores add_prefix_space; this is the value that `tokenizers` writes.
    writer.addByteLevel("decoder", prefixSpace: true)
    writer.addModel(tokenizer)
    writer.lines.append("}")
    return writer.lines.joined(separator: "\n")
  }

  private mutating func addAddedTokens(_ tokens: [AddedToken]) {
    lines.append("  \"added_tokens\": [")
    let entries = tokens.sorted { $0.id < $1.id }.map { token in
      [
        "{", "  \"id\": \(token.id),", "  \"content\": \(JSONText.quoted(token.content)),",
        "  \"single_word\": false,",
        "  \"lstrip\": false,", "  \"rstrip\": false,", "  \"normalized\": false,",
        "  \"special\": \(token.special)", "}",
      ].joined(separator: "\n    ")
    }
    add(entries, indent: 4)
    lines.append("  ],")
  }

  private mutating func addNormalizer(_ normalizer: TextNormalizer) {
    let steps = normalizer.steps.map { "\"type\": \"\($0.rawValue)\"" }
    switch steps.count {
    case 0: lines.append("  \"normalizer\": null,")
    case 1: lines += ["  \"normalizer\": {", "    \(steps[0])", "  },"]
    default:
      lines += ["  \"normalizer\": {", "    \"type\": \"Sequence\",", "    \"normalizers\": ["]
      add(steps.map { "{\n        \($0)\n      }" }, indent: 6)
      lines += ["    ]", "  },"]
    }
  }

  private mutating func addByteLevel(_ key: String, prefixSpace: Bool) {
    lines += [
      "  \"\(key)\": {", "    \"type\": \"ByteLevel\",", "    \"add_prefix_space\": \(prefixSpace),",
      "    \"trim_offsets\": true,", "    \"use_regex\": true", "  },",
    ]
  }

  private mutating func addModel(_ tokenizer: BytePairTokenizer) {
    lines += ["  \"model\": {"]
    let absent = ["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"]
    let off = ["fuse_unk", "byte_fallback", "ignore_merges"]
    lines +=
      ["    \"type\": \"BPE\","] + absent.map { "    \"\($0)\": null," } + off.map { "    \"\($0)\": false," }
    lines.append("    \"vocab\": {")
    let vocabulary = tokenizer.vocabulary
    add(
      vocabulary.indices.compactMap { id in vocabulary[id].map { "\(JSONText.quoted($0)): \(id)" } },
      indent: 6)
    lines += ["    },"]
    let merges = tokenizer.merges.pairs.map { pair in
      let (left, right) = (vocabulary[Int(pair.left)]!, vocabulary[Int(pair.right)]!)
      return "[\n        \(JSONText.quoted(left)),\n        \(JSONText.quoted(right))\n      ]"
    }
    if merges.isEmpty {
      lines.append("    \"merges\": []")
    } else {
      lines.append("    \"merges\": [")
      add(merges, indent: 6)
      lines.append("    ]")
    }
    lines.append("  }")
  }
}

extension BytePairTokenizer {
  /// The text of a `tokenizer.json`.
  package func json() -> Data { Data(TokenizerFileWriter.text(of: self).utf8) }

  /// Writes a `tokenizer.json` that Hugging Face `tokenizers` loads. The file appears whole or not at all.
  package func write(to url: URL) throws {
    do {
      try json().write(to: url, options: .atomic)
    } catch {
      throw KelipError("cannot write the tokenizer: \(error.localizedDescription)", at: url.path)
    }
  }
}
