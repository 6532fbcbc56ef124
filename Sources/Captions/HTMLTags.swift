internal import CXML2

/// Takes tags and comments out of a text, and what stands in `<script>` and `<style>`.
///
/// Only what begins like a tag of a known element counts: "a < b", "x <y and z> 3" and "<3" stay. A tag within a line
/// (`<b>`) leaves nothing, one that breaks the line (`<br>`, `<p>`) a space.
enum HTMLTags {
  /// A tag is no longer than this; without a limit each of many `<b` would search to the end of the text.
  private static let longestTag = 4096

  static func removed(from text: [UInt8]) -> [UInt8] {
    guard text.contains(UInt8(ascii: "<")) else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      if text[position] == UInt8(ascii: "<"), let mark = mark(in: text, at: position) {
        if mark.breaksLine { result.append(UInt8(ascii: " ")) }
        position = mark.end
      } else {
        result.append(text[position])
        position += 1
      }
    }
    return result
  }

  private struct Mark {
    var end: Int
    var breaksLine: Bool
  }

  private static func mark(in text: [UInt8], at start: Int) -> Mark? {
    comment(in: text, at: start) ?? tag(in: text, at: start)
  }

  private static func comment(in text: [UInt8], at start: Int) -> Mark? {
    guard text[start...].starts(with: "<!--".utf8) else { return nil }
    let limit = min(text.count, start + longestTag)
    guard let end = find("-->", in: text, from: start + 4, to: limit) else { return nil }
    return Mark(end: end, breaksLine: false)
  }

  private static func tag(in text: [UInt8], at start: Int) -> Mark? {
    let isClosing = text[(start + 1)...].first == UInt8(ascii: "/")
    let name = text[(start + (isClosing ? 2 : 1))...].prefix(16).prefix(while: isLetterOrDigit)
    guard let first = name.first, isLetter(first) else { return nil }
    let lowerCase = String(decoding: name, as: UTF8.self).lowercased()
    guard let element = Element(lowerCase), let end = close(in: text, after: name.endIndex) else {
      return nil
    }
    guard element.hidesContent, !isClosing else { return Mark(end: end, breaksLine: element.breaksLine) }
    let hidden = find("</\(lowerCase)", in: text, from: end, to: text.count)
      .flatMap { close(in: text, after: $0) }
    return Mark(end: hidden ?? end, breaksLine: true)
  }

  /// Just after the `>` that ends a tag whose name ended at `position`; one inside quotes does not count.
  private static func close(in text: [UInt8], after position: Int) -> Int? {
    guard position < text.count, !isNameCharacter(text[position]) else { return nil }
    var quote: UInt8?
    var isAfterEquals = false
    for index in position..<min(text.count, position + longestTag) {
      let byte = text[index]
      if let open = quote {
        if byte == open { quote = nil }
      } else if byte == UInt8(ascii: ">") {
        return index + 1
      } else if byte == UInt8(ascii: "<") {
        return nil
      } else if isAfterEquals, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        quote = byte
      }
      if byte != UInt8(ascii: " ") { isAfterEquals = byte == UInt8(ascii: "=") }
    }
    return nil
  }

  /// The place after `pattern` (ASCII in lower case), whatever the case of the text.
  private static func find(_ pattern: String, in text: [UInt8], from start: Int, to end: Int) -> Int? {
    let pattern = Array(pattern.utf8)
    var index = start
    while index + pattern.count <= end {
      if (0..<pattern.count).allSatisfy({ lowered(text[index + $0]) == pattern[$0] }) {
        return index + pattern.count
      }
      index += 1
    }
    return nil
  }

  private static func lowered(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 0x20 : byte }
  private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte | 0x20) }
  private static func isLetterOrDigit(_ byte: UInt8) -> Bool { isLetter(byte) || (48...57).contains(byte) }
  private static func isNameCharacter(_ byte: UInt8) -> Bool {
    isLetterOrDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":") || byte >= 0x80
  }
}

/// What the name of an HTML element means for the text around its tags.
private struct Element {
  let breaksLine: Bool
  let hidesContent: Bool

  /// Nil for what is no element of HTML.
  init?(_ name: String) {
    hidesContent = name == "script" || name == "style"
    if let found = htmlTagLookup(Array(name.utf8) + [0]) {
      breaksLine = found.pointee.isinline == 0 || name == "br"
    } else if let breaksLine = Self.newer[name] {
      self.breaksLine = breaksLine
    } else {
      return nil
    }
  }

  /// Elements of HTML 5 that libxml2's table (HTML 4) does not have.
  private static let newer: [String: Bool] = [
    "article": true, "aside": true, "audio": false, "bdi": false, "canvas": false, "data": false,
    "details": true, "dialog": true, "figcaption": true, "figure": true, "footer": true, "header": true,
    "main": true, "mark": false, "nav": true, "picture": false, "section": true, "source": false,
    "summary": true, "svg": false, "template": false, "time": false, "track": false, "video": false,
    "wbr": false,
  ]
}
