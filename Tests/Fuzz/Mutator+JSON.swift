/// Changes of JSON by words, which leave it JSON more often than not.
extension Mutator {
  private typealias Word = ArraySlice<UInt8>

  private static let values = [
    "null", "true", "-1", "0", "9223372036854775807", "18446744073709551616", "1e400", "0.5", "\"\"", "\"a\"",
    "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[[]]", "{\"a\":1}",
  ].map { Array($0.utf8)[...] }
  private static let signs = [",", ":", "[", "]", "{", "}"].map { Array($0.utf8)[...] }
  /// What follows this many bytes stays as it is: the numbers of a safetensors file, say.
  private static let longest = 8 << 10

  /// One to four words replaced, removed, repeated or swapped.
  mutating func mutatedWords(_ seed: [UInt8]) -> [UInt8] {
    var words = Self.words(of: seed.prefix(Self.longest))
    for _ in 0..<(1 + index(below: 4)) where !words.isEmpty {
      let place = place(in: words)
      switch index(below: 9) {
      case 0...2: words[place] = Self.values[index(below: Self.values.count)]
      case 3...5: words[place] = words[self.place(in: words)]
      case 6: words.swapAt(place, self.place(in: words))
      case 7:
        words.insert(contentsOf: words[place..<min(words.count, place + 1 + index(below: 8))], at: place)
      case _ where index(below: 2) == 0: words.remove(at: place)
      default: words[index(below: words.count)] = Self.signs[index(below: Self.signs.count)]
      }
    }
    return Array(words.joined()) + seed.dropFirst(Self.longest)
  }

  /// Most often of a value: where signs change, it is no JSON any more.
  private mutating func place(in words: [Word]) -> Int {
    for _ in 0..<8 {
      let place = index(below: words.count)
      if !Self.signs.contains(words[place]) { return place }
    }
    return index(below: words.count)
  }

  private static func words(of bytes: Word) -> [Word] {
    var words: [Word] = []
    var rest = bytes
    while let first = rest.first {
      let end =
        switch first {
        case UInt8(ascii: "\""): endOfText(rest)
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"):
          rest.firstIndex { !isOfNumberOrName($0) } ?? rest.endIndex
        default: rest.startIndex + 1
        }
      words.append(rest[..<end])
      rest = rest[end...]
    }
    return words
  }

  private static func isOfNumberOrName(_ byte: UInt8) -> Bool {
    (48..<58).contains(byte) || (97..<123).contains(byte) || [43, 45, 46].contains(byte)
  }

  /// Behind the quotation mark that closes the text.
  private static func endOfText(_ bytes: Word) -> Int {
    var place = bytes.startIndex + 1
    while place < bytes.endIndex, bytes[place] != UInt8(ascii: "\"") {
      place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(place + 1, bytes.endIndex)
  }
}
