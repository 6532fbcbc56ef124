/// Cuts UTF-8 text into GPT-2's words, as the expression
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` does, in one pass without a
/// regular-expression engine. The words cover the text; none is empty.
struct WordScanner: Sequence, IteratorProtocol {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0

  /// - Parameter bytes: valid UTF-8 that outlives the scanner.
  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// The byte range of the next word.
  mutating func next() -> Range<Int>? {
    guard position < bytes.count else { return nil }
    let start = position
    position = bytes.contractionEnd(from: start) ?? wordEnd(from: start) ?? spaceEnd(from: start)
    return start..<position
  }

  /// ` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+`
  private func wordEnd(from start: Int) -> Int? {
    let first = bytes[start] == UInt8(ascii: " ") ? start + 1 : start
    guard first < bytes.count else { return nil }
    let wanted = ScalarProperties.scalarClass(bytes.scalarValue(at: first).value)
    return wanted == .space ? nil : bytes.runEnd(of: wanted, from: first)
  }

  /// `\s+(?!\S)|\s+`: a run of white space leaves its last scalar to the word that follows, unless it is alone.
  private func spaceEnd(from start: Int) -> Int {
    var end = start
    var last = start
    while end < bytes.count {
      let (value, length) = bytes.scalarValue(at: end)
      guard ScalarProperties.scalarClass(value) == .space else { return last > start ? last : end }
      last = end
      end += length
    }
    return end
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The end of the scalars of one class from `start` on.
  @inline(__always)
  func runEnd(of wanted: ScalarClass, from start: Int) -> Int {
    var end = start
    while end < count {
      let (value, length) = scalarValue(at: end)
      guard ScalarProperties.scalarClass(value) == wanted else { break }
      end += length
    }
    return end
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d`
  func contractionEnd(from start: Int) -> Int? {
    guard self[start] == UInt8(ascii: "'"), start + 1 < count else { return nil }
    let third = start + 2 < count ? self[start + 2] : nil
    switch self[start + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"): return third == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"): return third == UInt8(ascii: "l") ? start + 3 : nil
    default: return nil
    }
  }
}
