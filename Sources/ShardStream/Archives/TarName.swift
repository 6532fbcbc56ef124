/// The text of a member's name.
enum TarName {
  /// UTF-8; bytes that are not (names in CP949, say) become `\xB0`, so that different names stay different.
  static func decode(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var text = ""
    var rest = bytes[...]
    while let first = rest.first {
      let length = (1...4).first {
        String(validating: rest.prefix($0), as: UTF8.self) != nil && $0 <= rest.count
      }
      if let length {
        text += String(decoding: rest.prefix(length), as: UTF8.self)
        rest = rest.dropFirst(length)
      } else {
        let digits = String(first, radix: 16, uppercase: true)
        text += "\\x" + (digits.count == 1 ? "0" : "") + digits
        rest = rest.dropFirst()
      }
    }
    return text
  }
}
