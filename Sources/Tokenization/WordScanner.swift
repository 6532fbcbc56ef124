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
    position = contractionEnd(from: start) ?? wordEnd(from: start) ?? spaceEnd(from: start)
    return start..<position
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d`
  private func contractionEnd(from start: Int) -> Int? {
    guard bytes[start] == UInt8(ascii: "'"), start + 1 < bytes.count else { return nil }
    switch bytes[start + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return byte(at: start + 2) == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"): return byte(at: start + 2) == UInt8(ascii: "l") ? start + 3 : nil
    default: return nil
    }
  }

  private func byte(at index: Int) -> UInt8? { index < bytes.count ? bytes[index] : nil }

  /// ` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+`
  private func wordEnd(from start: Int) -> Int? {
    let first = bytes[start] == UInt8(ascii: " ") ? start + 1 : start
    guard first < bytes.count else { return nil }
    let wanted = scalarClass(at: first).scalarClass
    guard wanted != .space else { return nil }
    var end = first
    while end < bytes.count {
      let (found, length) = scalarClass(at: end)
      guard found == wanted else { break }
      end += length
    }
    return end
  }

  /// `\s+(?!\S)|\s+`: a run of white space leaves its last scalar to the word that follows, unless it is alone.
  private func spaceEnd(from start: Int) -> Int {
    var end = start
    var last = start
    while end < bytes.count {
      let (found, length) = scalarClass(at: end)
      guard found == .space else { return last > start ? last : end }
      last = end
      end += length
    }
    return end
  }

  @inline(__always)
  private func scalarClass(at index: Int) -> (scalarClass: ScalarClass, length: Int) {
    let (scalar, length) = bytes.scalar(at: index)
    return (ScalarProperties.scalarClass(scalar), length)
  }
}
