/// Takes `http://…`, `https://…`, `ftp://…` and `www.…` out of a text.
///
/// An address is ASCII: it ends before white space, quotes, angle brackets and any other script, so that "http://a.kr에서"
/// leaves the particle. Punctuation at its end belongs to the sentence.
enum WebAddresses {
  private static let beginnings = ["http://", "https://", "ftp://", "www."].map { Array($0.utf8) }

  static func removed(from text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      if let end = address(in: text, at: position) {
        position = end
      } else {
        result.append(text[position])
        position += 1
      }
    }
    return result
  }

  private static func address(in text: [UInt8], at start: Int) -> Int? {
    // "h", "f" and "w" begin few words: everything else is told at once.
    guard [0x68, 0x66, 0x77].contains(text[start] | 0x20) else { return nil }
    if start > 0, AddressCharacters.isLetterOrDigit(text[start - 1]) { return nil }
    guard let beginning = beginnings.first(where: { begins(text[start...], with: $0) }) else { return nil }
    var end = start + beginning.count
    while end < text.count, isInside(text[end]) { end += 1 }
    while end > start, Self.sentence.contains(text[end - 1]) { end -= 1 }
    return end > start + beginning.count ? end : nil
  }

  private static func begins(_ text: ArraySlice<UInt8>, with lowerCase: [UInt8]) -> Bool {
    text.count >= lowerCase.count
      && zip(text, lowerCase).allSatisfy { ((65...90).contains($0) ? $0 | 0x20 : $0) == $1 }
  }

  private static let sentence = Set(".,;:!?)]}'*".utf8)

  private static func isInside(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "<")
      && byte != UInt8(ascii: ">")
  }
}

/// Takes `name@domain.kr` out of a text. "@handle" and "a@b" are no addresses.
enum EmailAddresses {
  /// RFC 5321: 64 bytes before the @, 255 behind it.
  private static let longestName = 64
  private static let longestDomain = 255

  static func removed(from text: [UInt8]) -> [UInt8] {
    guard text.contains(UInt8(ascii: "@")) else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      if text[position] == UInt8(ascii: "@"), let end = domainEnd(in: text, after: position + 1),
        let start = nameStart(in: result)
      {
        result.removeSubrange(start...)
        position = end
      } else {
        result.append(text[position])
        position += 1
      }
    }
    return result
  }

  /// Where the name at the end of `text` begins.
  private static func nameStart(in text: [UInt8]) -> Int? {
    let isInName: (UInt8) -> Bool = { AddressCharacters.isLetterOrDigit($0) || "._%+-".utf8.contains($0) }
    let name = text.suffix(longestName + 1).reversed().prefix(while: isInName)
    return (1...longestName).contains(name.count) ? text.count - name.count : nil
  }

  /// Where a domain with a dot and a last part of two letters or more ends.
  private static func domainEnd(in text: [UInt8], after start: Int) -> Int? {
    let isInDomain: (UInt8) -> Bool = {
      AddressCharacters.isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
    }
    var domain = text[start...].prefix(longestDomain).prefix(while: isInDomain)
    while let last = domain.last, !AddressCharacters.isLetterOrDigit(last) { domain.removeLast() }
    guard let first = domain.first, AddressCharacters.isLetterOrDigit(first),
      let dot = domain.lastIndex(of: UInt8(ascii: ".")), dot > start,
      domain.endIndex - dot > 2, domain[(dot + 1)...].allSatisfy({ (97...122).contains($0 | 0x20) })
    else { return nil }
    return domain.endIndex
  }
}

enum AddressCharacters {
  static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (97...122).contains(byte | 0x20) || (48...57).contains(byte)
  }
}
