/// Cuts UTF-8 text into CLIP's words, as the expression
/// `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+` finds them: white
/// space is left out, digits are words of their own.
///
/// A special token that is spelled out in lower-cased text is cut further, into `<|`, the word and `|>`, as `tokenizers`
/// does by applying GPT-2's expression to each find.
struct CLIPWordScanner: Sequence, IteratorProtocol {
  private static let specials = ["<|startoftext|>", "<|endoftext|>"].map { Array($0.utf8) }

  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0
  /// Ends of the parts of a special token that are still to come.
  private var pendingEnds: [Int] = []
  /// Whether the expression names the special tokens.
  private let findsSpecials: Bool

  /// - Parameter bytes: valid UTF-8 that outlives the scanner.
  init(_ bytes: UnsafeBufferPointer<UInt8>, findsSpecials: Bool) {
    (self.bytes, self.findsSpecials) = (bytes, findsSpecials)
  }

  /// The byte range of the next word.
  mutating func next() -> Range<Int>? {
    if let end = pendingEnds.popLast() {
      defer { position = end }
      return position..<end
    }
    guard let first = skipSpace() else { return nil }
    let start = position
    if bytes[start] == UInt8(ascii: "<"), findsSpecials, let special = special(at: start) {
      pendingEnds = [start + special.count, start + special.count - 2]
      position = start + 2
    } else if let end = bytes.contractionEnd(from: start) {
      position = end
    } else if first == .number {
      position = start + bytes.scalarValue(at: start).length
    } else {
      position = bytes.runEnd(of: first, from: start)
    }
    return start..<position
  }

  /// Moves to the next scalar that is no white space, and says what it is.
  private mutating func skipSpace() -> ScalarClass? {
    while position < bytes.count {
      let (value, length) = bytes.scalarValue(at: position)
      let found = ScalarProperties.scalarClass(value)
      if found != .space { return found }
      position += length
    }
    return nil
  }

  private func special(at start: Int) -> [UInt8]? {
    Self.specials.first { bytes[start...].starts(with: $0) }
  }
}
