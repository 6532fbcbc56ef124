/// Takes out characters that nobody sees: controls, marks of writing direction, zero-width spaces, byte order marks, soft
/// hyphens, noncharacters.
///
/// Tabs and line ends become spaces. Zero-width joiners and variation selectors stay: emoji and several scripts are
/// spelled with them.
enum InvisibleCharacters {
  static func removed(from text: [UInt8]) -> [UInt8] {
    // What is printable ASCII has none of these.
    guard !text.allSatisfy({ (0x20...0x7E).contains($0) }) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if isLineOrTab(scalar) { result.append(" ") } else if !isInvisible(scalar) { result.append(scalar) }
    }
    return Array(String(result).utf8)
  }

  private static func isLineOrTab(_ scalar: Unicode.Scalar) -> Bool {
    (0x09...0x0D).contains(scalar.value) || [0x85, 0x2028, 0x2029].contains(scalar.value)
  }

  private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F: true  // controls
    case 0xAD, 0x200B, 0x2060...0x2064, 0xFEFF: true  // soft hyphen, widths of zero, byte order mark
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x206F: true  // writing direction
    case 0xFFF9...0xFFFB: true  // interlinear annotation
    case 0xFDD0...0xFDEF: true
    default: scalar.value & 0xFFFE == 0xFFFE  // the other noncharacters
    }
  }
}
