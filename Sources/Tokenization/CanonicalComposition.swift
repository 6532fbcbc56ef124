import Foundation

/// Unicode's normalisation form C.
///
/// Foundation's own form (Swift 6.3) leaves a syllable and a final consonant apart (U+C0AC U+11A8) and joins conjoining
/// letters that are out of range, so Hangul is composed here, by the arithmetic of the Unicode Standard, section 3.12.
/// That may be done apart: Hangul composes with nothing else, and all of it has combining class 0.
package enum CanonicalComposition {
  private static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
  private static let leading: ClosedRange<UInt32> = 0x1100...0x1112
  private static let vowels: ClosedRange<UInt32> = 0x1161...0x1175
  private static let trailing: ClosedRange<UInt32> = 0x11A8...0x11C2
  private static let trailingCount: UInt32 = 28

  /// `text` (valid UTF-8) in form C, as UTF-8.
  package static func composed(_ text: [UInt8]) -> [UInt8] {
    // Everything below U+0300 is composed already; its lead bytes are below 0xCC.
    guard text.contains(where: { $0 >= 0xCC }) else { return text }
    var result = String.UnicodeScalarView()
    var others = String.UnicodeScalarView()
    var lastHangul: UInt32?
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      guard isHangul(scalar) else {
        lastHangul = nil
        others.append(scalar)
        continue
      }
      flush(&others, to: &result)
      if let last = lastHangul, let joined = join(last, scalar.value) {
        result.removeLast()
        result.append(joined)
      } else {
        result.append(scalar)
      }
      lastHangul = result.last?.value
    }
    flush(&others, to: &result)
    return Array(String(result).utf8)
  }

  private static func isHangul(_ scalar: Unicode.Scalar) -> Bool {
    (0x1100...0x11FF).contains(scalar.value) || syllables.contains(scalar.value)
  }

  private static func flush(
    _ others: inout String.UnicodeScalarView, to result: inout String.UnicodeScalarView
  ) {
    guard !others.isEmpty else { return }
    result.append(contentsOf: String(others).precomposedStringWithCanonicalMapping.unicodeScalars)
    others.removeAll(keepingCapacity: true)
  }

  /// A leading consonant with a vowel, or a syllable that ends in its vowel with a trailing consonant.
  private static func join(_ first: UInt32, _ second: UInt32) -> Unicode.Scalar? {
    if leading.contains(first), vowels.contains(second) {
      let vowelCount = UInt32(vowels.count)
      let index = (first - leading.lowerBound) * vowelCount + second - vowels.lowerBound
      return Unicode.Scalar(syllables.lowerBound + index * trailingCount)
    }
    let endsInVowel = syllables.contains(first) && (first - syllables.lowerBound) % trailingCount == 0
    guard endsInVowel, trailing.contains(second) else { return nil }
    return Unicode.Scalar(first + second - trailing.lowerBound + 1)
  }
}
