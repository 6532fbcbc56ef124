/// Changes of JSON by words, which leave it JSON more often than not.
extension Mutator {
  private static let words = [
    "null", "true", "-1", "0", "9223372036854775807", "18446744073709551616", "1e400", "0.5", "\"\"", "\"a\"",
    "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[[]]", "{\"a\":1}", ",", ":", "[", "]", "{", "}",
  ].map { Array($0.utf8) }

  /// One to four words replaced, removed, repeated or swapped. What does not look like JSON (the numbers of a
  /// safetensors file) counts as words of one byte.
  mutating func mutatedWords(_ seed: [UInt8]) -> [UInt8] {
    var words = Self.words(of: seed)
    for _ in 0..<(1 + index(below: 4)) where !words.isEmpty {
      let place = index(below: words.count)
      switch index(below: 8) {
      case 0...2: words[place] = Self.words[index(below: Self.words.count)]
      case 3, 4: words[place] = words[index(below: words.count)]
      case 5: words.swapAt(place, index(below: words.count))
      case 6: words.remove(at: place)
      default:
        words.insert(contentsOf: words[place..<min(words.count, place + 1 + index(below: 8))], at: place)
      }
    }
    return Array(words.joined())
  }

  private static func words(of bytes: [UInt8]) -> [[UInt8]] {
    var words: [[UInt8]] = []
    var rest = bytes[...]
    while let first = rest.first {
      let end =
        switch first {
        case UInt8(ascii: "\""): endOfText(rest)
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"):
          rest.firstIndex {
            !($0 == 43 || $0 == 45 || $0 == 46 || (48..<58).contains($0) || (97..<123).contains($0))
          }
            ?? rest.endIndex
        default: rest.startIndex + 1
        }
      words.append(Array(rest[..<max(end, rest.startIndex + 1)]))
      rest = rest[max(end, rest.startIndex + 1)...]
    }
    return words
  }

  /// Behind the quotation mark that closes the text.
  private static func endOfText(_ bytes: ArraySlice<UInt8>) -> Int {
    var place = bytes.startIndex + 1
    while place < bytes.endIndex, bytes[place] != UInt8(ascii: "\"") {
      place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(place + 1, bytes.endIndex)
  }
}
