internal import CXML2

/// `&amp;`, `&#39;`, `&#x1F600;` become the characters that they stand for.
///
/// The names are HTML 4's (libxml2's table) and `&apos;`. An entity ends with its semicolon; anything else is no entity
/// and stays. Numbers follow the HTML standard, section 13.2.5.80: no code point becomes U+FFFD, and 128 to 159 are
/// Windows-1252.
enum HTMLEntities {
  /// Pages are often escaped more than once (`&amp;#39;`). More often than this is no accident of a template.
  private static let largestDepth = 4
  /// `&thetasym;` is the longest name; `&#1114111;` and zeros in front fit as well.
  private static let longestName = 16

  static func decoded(_ text: [UInt8]) -> [UInt8] {
    var text = text
    for _ in 0..<largestDepth {
      let next = decodedOnce(text)
      if next == text { break }
      text = next
    }
    return text
  }

  private static func decodedOnce(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(ampersand) else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      if text[position] == ampersand, let entity = entity(in: text, at: position) {
        result += Array(String(Character(entity.scalar)).utf8)
        position = entity.end
      } else {
        result.append(text[position])
        position += 1
      }
    }
    return result
  }

  private static let ampersand = UInt8(ascii: "&")

  private static func entity(in text: [UInt8], at start: Int) -> (scalar: Unicode.Scalar, end: Int)? {
    let body = text[(start + 1)...].prefix(longestName + 1)
    guard let semicolon = body.firstIndex(of: UInt8(ascii: ";")) else { return nil }
    let name = text[(start + 1)..<semicolon]
    let scalar = name.first == UInt8(ascii: "#") ? numbered(name.dropFirst()) : named(name)
    return scalar.map { ($0, semicolon + 1) }
  }

  private static func named(_ name: ArraySlice<UInt8>) -> Unicode.Scalar? {
    let isLetterOrDigit = name.allSatisfy {
      (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
    }
    guard !name.isEmpty, isLetterOrDigit else { return nil }
    guard let found = htmlEntityLookup(Array(name) + [0]) else { return nil }
    return Unicode.Scalar(found.pointee.value)
  }

  private static func numbered(_ digits: ArraySlice<UInt8>) -> Unicode.Scalar? {
    let isHexadecimal = digits.first == UInt8(ascii: "x") || digits.first == UInt8(ascii: "X")
    let text = String(decoding: isHexadecimal ? digits.dropFirst() : digits, as: UTF8.self)
    guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-"),
      let value = UInt64(text, radix: isHexadecimal ? 16 : 10)
    else { return nil }
    return scalar(value)
  }

  private static func scalar(_ value: UInt64) -> Unicode.Scalar {
    if (0x80...0x9F).contains(value), let meant = windows1252[Int(value) - 0x80] {
      return Unicode.Scalar(meant)!
    }
    guard value != 0, let value = UInt32(exactly: value), let scalar = Unicode.Scalar(value) else {
      return "\u{FFFD}"
    }
    return scalar
  }

  /// What 0x80 to 0x9F are in Windows-1252; nil where it has nothing.
  private static let windows1252: [UInt32?] = [
    0x20AC, nil, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, nil,
    0x017D, nil, nil, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
    0x0153, nil, 0x017E, 0x0178,
  ]
}
