/// Every run of white space becomes one space; none stays at the ends.
///
/// White space is Unicode's property, and two characters that are drawn as blanks: the Hangul filler (U+3164) and the
/// empty Braille pattern (U+2800).
enum WhiteSpace {
  static func collapsed(_ text: [UInt8]) -> [UInt8] {
    var result = String.UnicodeScalarView()
    var isGap = false
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if isBlank(scalar) {
        isGap = true
        continue
      }
      if isGap, !result.isEmpty { result.append(" ") }
      isGap = false
      result.append(scalar)
    }
    return Array(String(result).utf8)
  }

  private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || scalar.value == 0x3164 || scalar.value == 0x2800
  }
}
