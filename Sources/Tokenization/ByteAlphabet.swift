/// GPT-2's printable alphabet of 256 characters, one for each byte: it makes any byte string a readable token.
///
/// Printable Latin-1 bytes stand for themselves; the others take U+0100, U+0101, … in the order of their value.
enum ByteAlphabet {
  /// The character of each byte.
  static let characters: [Unicode.Scalar] = {
    var shifted: UInt32 = 0x100
    return (0..<256).map { byte in
      if isPrintable(byte) { return Unicode.Scalar(UInt8(byte)) }
      defer { shifted += 1 }
      return Unicode.Scalar(shifted)!
    }
  }()

  /// The bytes in the order of their characters' code points: the order in which a trained vocabulary holds them.
  static let bytesByCharacter: [UInt8] = (0..<256)
    .sorted { characters[$0].value < characters[$1].value }
    .map { UInt8($0) }

  /// U+0000 … U+0143 to a byte, -1 where the character is outside the alphabet.
  private static let byteOfCharacter: [Int16] = {
    var table = [Int16](repeating: -1, count: 0x144)
    for (byte, character) in characters.enumerated() { table[Int(character.value)] = Int16(byte) }
    return table
  }()

  private static func isPrintable(_ byte: Int) -> Bool {
    (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
  }

  /// The token text of `bytes`.
  static func text(of bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: bytes.lazy.map { characters[Int($0)] })
    return String(text)
  }

  /// The bytes that a token's text stands for, or nil where a character is outside the alphabet.
  static func bytes(of text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard scalar.value < 0x144, byteOfCharacter[Int(scalar.value)] >= 0 else { return nil }
      bytes.append(UInt8(byteOfCharacter[Int(scalar.value)]))
    }
    return bytes
  }
}
