import Foundation

/// Unicode's canonical decomposition (form D), by the Unicode Standard, section 3.11 and 3.12.
///
/// As `tokenizers` 0.2x has it, with Unicode 9's data: ids must not depend on the Swift release. Hangul is arithmetic.
enum CanonicalDecomposition {
  /// Newer characters neither decompose nor compose, and have combining class 0.
  private static let newestUnicode = 9

  /// Where characters that decompose are, Hangul syllables aside.
  private static let ranges: [ClosedRange<UInt32>] = [
    0x00C0...0x33FF, 0xA000...0xABFF, 0xF900...0xFFFF, 0x1_1000...0x1_1FFF, 0x1_D100...0x1_D1FF,
    0x2_F800...0x2_FA1F,
  ]

  /// Full decompositions of all that have one, Hangul syllables aside.
  static let table: [UInt32: [UInt32]] = {
    var table: [UInt32: [UInt32]] = [:]
    for value in ranges.joined() {
      guard let scalar = Unicode.Scalar(value), isKnown(scalar) else { continue }
      let decomposed = String(scalar).decomposedStringWithCanonicalMapping.unicodeScalars.map(\.value)
      if decomposed != [value] { table[value] = decomposed }
    }
    return table
  }()

  static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.age.map { $0.major <= newestUnicode } ?? false
  }

  /// 0 for starters; marks with a class are ordered by it.
  static func combiningClass(_ value: UInt32) -> UInt8 {
    guard value >= 0x300, let scalar = Unicode.Scalar(value), isKnown(scalar) else { return 0 }
    return scalar.properties.canonicalCombiningClass.rawValue
  }

  /// Appends the decomposition of one scalar; marks are not brought into order.
  static func append(_ value: UInt32, to scalars: inout [UInt32]) {
    if value < 0xC0 {
      scalars.append(value)
    } else if Hangul.syllables.contains(value) {
      let jamo = Hangul.decomposed(value)
      scalars += [jamo.leading, jamo.vowel]
      if let trailing = jamo.trailing { scalars.append(trailing) }
    } else if let decomposed = table[value] {
      scalars += decomposed
    } else {
      scalars.append(value)
    }
  }

  /// Sorts each run of marks by combining class and keeps the order of equals.
  static func orderMarks(_ scalars: inout [UInt32]) {
    var start = 0
    while start < scalars.count {
      guard combiningClass(scalars[start]) != 0 else {
        start += 1
        continue
      }
      let end = scalars[start...].firstIndex { combiningClass($0) == 0 } ?? scalars.count
      if end - start > 1 {
        let marks = scalars[start..<end].enumerated().sorted { a, b in
          (combiningClass(a.element), a.offset) < (combiningClass(b.element), b.offset)
        }
        scalars.replaceSubrange(start..<end, with: marks.map(\.element))
      }
      start = end
    }
  }
}

/// Syllables and their letters, section 3.12 of the Unicode Standard.
enum Hangul {
  static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
  static let leading: ClosedRange<UInt32> = 0x1100...0x1112
  static let vowels: ClosedRange<UInt32> = 0x1161...0x1175
  static let trailing: ClosedRange<UInt32> = 0x11A8...0x11C2
  private static let vowelCount: UInt32 = 21
  private static let trailingCount: UInt32 = 28

  static func decomposed(_ syllable: UInt32) -> (leading: UInt32, vowel: UInt32, trailing: UInt32?) {
    let index = syllable - syllables.lowerBound
    let last = index % trailingCount
    return (
      leading.lowerBound + index / (vowelCount * trailingCount),
      vowels.lowerBound + index / trailingCount % vowelCount,
      last > 0 ? trailing.lowerBound + last - 1 : nil
    )
  }

  /// A leading consonant with a vowel, or a syllable that ends in its vowel with a trailing consonant.
  static func joined(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if leading.contains(first), vowels.contains(second) {
      let index = (first - leading.lowerBound) * vowelCount + second - vowels.lowerBound
      return syllables.lowerBound + index * trailingCount
    }
    let endsInVowel = syllables.contains(first) && (first - syllables.lowerBound) % trailingCount == 0
    guard endsInVowel, trailing.contains(second) else { return nil }
    return first + second - trailing.lowerBound + 1
  }
}
