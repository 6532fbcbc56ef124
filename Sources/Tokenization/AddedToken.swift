import Basics

/// A token beside the learned vocabulary that is matched as a whole.
struct AddedToken: Sendable, Equatable {
  var id: Int32
  var content: String
  /// Special tokens are left out when decoding.
  var special: Bool
  /// Matched in normalised text; otherwise before normalisation.
  var normalized = false
}

/// The tokens that frame, fill and mask a caption, under the names that files in the field give them.
enum SpecialToken: String {
  case pad = "[PAD]"
  case start = "[SOT]"
  case end = "[EOT]"
  case unknown = "[UNK]"
  case mask = "[MASK]"

  private var names: [String] {
    switch self {
    case .pad: [rawValue, "<pad>", "<|pad|>"]
    case .start: [rawValue, "<|startoftext|>", "<start_of_text>", "[CLS]"]
    case .end: [rawValue, "<|endoftext|>", "<end_of_text>", "[SEP]"]
    case .unknown: [rawValue, "<unk>"]
    case .mask: [rawValue, "<mask>"]
    }
  }

  func id(in ids: TokenTable) -> Int32? { names.lazy.compactMap { ids[$0] }.first }

  func requiredID(in ids: TokenTable, at location: String?) throws -> Int32 {
    if let id = id(in: ids) { return id }
    throw KelipError(
      "the tokenizer has no \(rawValue) token", at: location,
      hint: "add a special token with one of the names \(names.joined(separator: ", "))")
  }
}

/// Finds added tokens in a text: leftmost first, the longest of those that start at the same place.
struct AddedTokenMatcher: Sendable {
  enum Segment: Equatable {
    case text(Range<Int>)
    case added(Int32)
  }

  private let tokens: [(content: [UInt8], id: Int32)]
  var isEmpty: Bool { tokens.isEmpty }
  private let startsToken: [Bool]

  /// - Parameter normalize: what is done to the texts that will be searched.
  init(_ addedTokens: [AddedToken], normalize: (UnsafeBufferPointer<UInt8>) -> [UInt8] = { Array($0) }) {
    tokens =
      addedTokens
      .map { (Array($0.content.utf8).withUnsafeBufferPointer(normalize), $0.id) }
      .filter { !$0.0.isEmpty }
      .sorted { $0.0.count > $1.0.count }
    var starts = [Bool](repeating: false, count: 256)
    for token in tokens { starts[Int(token.content[0])] = true }
    startsToken = starts
  }

  /// `text` as added tokens, whose ids are appended to `ids`, and the non-empty stretches between them, which are
  /// given to `encode`.
  func split(
    _ text: UnsafeBufferPointer<UInt8>, into ids: inout [Int32],
    encode: (UnsafeBufferPointer<UInt8>, inout [Int32]) -> Void
  ) {
    guard !isEmpty else { return encode(text, &ids) }
    for segment in segments(of: text) {
      switch segment {
      case .added(let id): ids.append(id)
      case .text(let range): encode(UnsafeBufferPointer(rebasing: text[range]), &ids)
      }
    }
  }

  /// `text` as added tokens and the non-empty stretches between them.
  func segments(of text: UnsafeBufferPointer<UInt8>) -> [Segment] {
    var segments: [Segment] = []
    var index = 0
    var unmatched = 0
    while index < text.count {
      guard startsToken[Int(text[index])], let match = match(in: text, at: index) else {
        index += 1
        continue
      }
      if unmatched < index { segments.append(.text(unmatched..<index)) }
      segments.append(.added(match.id))
      index += match.content.count
      unmatched = index
    }
    if unmatched < text.count { segments.append(.text(unmatched..<text.count)) }
    return segments
  }

  private func match(in text: UnsafeBufferPointer<UInt8>, at index: Int) -> (content: [UInt8], id: Int32)? {
    tokens.first { text[index...].starts(with: $0.content) }
  }
}
