internal import Basics

/// A token beside the learned vocabulary that is matched as a whole, before normalisation.
struct AddedToken: Sendable, Equatable {
  var id: Int32
  var content: String
  /// Special tokens are left out when decoding.
  var special: Bool
}

/// The tokens that frame a caption, under the names that files in the field give them.
enum SpecialToken: String {
  case pad = "[PAD]"
  case start = "[SOT]"
  case end = "[EOT]"

  private var names: [String] {
    switch self {
    case .pad: [rawValue, "<pad>", "<|pad|>"]
    case .start: [rawValue, "<|startoftext|>", "<start_of_text>"]
    case .end: [rawValue, "<|endoftext|>", "<end_of_text>"]
    }
  }

  func id(in ids: [String: Int32]) -> Int32? { names.lazy.compactMap { ids[$0] }.first }

  func requiredID(in ids: [String: Int32], at location: String?) throws -> Int32 {
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
  private let startsToken: [Bool]

  init(_ addedTokens: [AddedToken]) {
    tokens =
      addedTokens
      .map { (Array($0.content.utf8), $0.id) }
      .filter { !$0.0.isEmpty }
      .sorted { $0.0.count > $1.0.count }
    var starts = [Bool](repeating: false, count: 256)
    for token in tokens { starts[Int(token.content[0])] = true }
    startsToken = starts
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
