/// Cuts UTF-8 text at white space, and each punctuation mark off as a word of its own.
struct BertWordScanner: Sequence, IteratorProtocol {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0

  /// - Parameter bytes: valid UTF-8 that outlives the scanner.
  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// The byte range of the next word.
  mutating func next() -> Range<Int>? {
    while position < bytes.count {
      let start = position
      let (value, length) = bytes.scalarValue(at: start)
      position += length
      switch BertScalars.wordClass(value) {
      case .space: continue
      case .punctuation: return start..<position
      case .word:
        position = wordEnd(from: position)
        return start..<position
      }
    }
    return nil
  }

  private func wordEnd(from start: Int) -> Int {
    var end = start
    while end < bytes.count {
      let (value, length) = bytes.scalarValue(at: end)
      guard BertScalars.wordClass(value) == .word else { break }
      end += length
    }
    return end
  }
}
