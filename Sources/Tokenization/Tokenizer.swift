import Basics
import Foundation

/// How a tokenizer cuts text.
package enum TokenizerKind: String, Sendable {
  /// Byte-level BPE with GPT-2's words, as kelip trains it.
  case byteLevelBPE = "byte-level BPE"
  /// Byte-level BPE with an end-of-word suffix and CLIP's words.
  case clipBPE = "CLIP BPE"
  /// BERT's words and the longest pieces of a vocabulary.
  case wordPiece = "WordPiece"
}

/// Turns texts into token ids and back; equal id for id to Hugging Face `tokenizers` on the same file.
///
/// `Tokenizers.load` reads one. Safe to share between threads.
package protocol Tokenizer: CaptionEncoder {
  var kind: TokenizerKind { get }
  /// V: the largest id and one, the rows of an embedding table.
  var vocabSize: Int { get }
  /// The id that fills a row up; 0 in a file that names none.
  var padID: Int32 { get }
  /// The first id of a caption: `[SOT]`, CLIP's `<|startoftext|>` or BERT's `[CLS]`.
  var startID: Int32 { get }
  /// The last id of a caption: `[EOT]`, CLIP's `<|endoftext|>` or BERT's `[SEP]`.
  var endID: Int32 { get }
  /// The id that stands for a masked token, where there is one.
  var maskID: Int32? { get }

  /// The ids of `text`, without a start or end token. As in `tokenizers`, a special token that is spelled out in the
  /// text becomes its id.
  func encode(_ text: String) -> [Int32]

  /// The text of `ids`. Bytes that are no UTF-8 become U+FFFD; unknown ids are skipped.
  ///
  /// - Parameter skippingSpecials: leave out start, end, padding and other special tokens.
  func decode(_ ids: [Int32], skippingSpecials: Bool) -> String

  /// The token of `id` as the file spells it, e.g. `Ġcat`.
  func token(_ id: Int32) -> String?

  /// The text of a `tokenizer.json` that Hugging Face `tokenizers` loads and gives the same ids with.
  func json(framing: TokenizerFraming) -> Data

  /// What there is to know beside ids and sizes, for `kelip tokenizer inspect`.
  var facts: [(String, JSONText)] { get }
}

/// Whether who loads a `tokenizer.json` gets texts with start and end token around them.
package enum TokenizerFraming: Sendable {
  /// As files of the tokenizer's kind do: byte-level BPE bare, CLIP's and BERT's framed.
  case usual
  case framed
  case bare
}

extension Tokenizer {
  /// The usual file.
  package func json() -> Data { json(framing: .usual) }

  /// The start token, the first `contextLength - 2` ids of `text`, the end token; not padded, since captions are
  /// packed.
  package func encodeCaption(_ text: String, contextLength: Int) -> [Int32] {
    precondition(contextLength >= 2, "a context of \(contextLength) has no room for start and end")
    return [startID] + encode(text).prefix(contextLength - 2) + [endID]
  }

  /// The text of `ids` without special tokens.
  package func decode(_ ids: [Int32]) -> String { decode(ids, skippingSpecials: true) }

  /// Writes a `tokenizer.json`. The file appears whole or not at all.
  package func write(to url: URL) throws {
    do {
      try json().write(to: url, options: .atomic)
    } catch {
      throw KelipError("cannot write the tokenizer: \(error.localizedDescription)", at: url.path)
    }
  }
}
