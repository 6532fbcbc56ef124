/// What GPT-2's pre-tokenisation distinguishes: `\p{L}`, `\p{N}`, `\s` and the rest.
enum ScalarClass: UInt8 {
  case other, letter, number, space
}

/// Classes of Unicode scalars, from a table for the basic plane and from the standard library above it.
enum ScalarProperties {
  /// Letters newer than this are "other", as they are for `tokenizers` 0.2x: ids must not depend on the Swift release.
  private static let newestUnicode = 16

  private static let lowercaseFlag: UInt8 = 0x80

  /// Bits 0–1 the class, bit 7 whether lower-casing changes the scalar.
  ///
  /// Never written again, and never freed.
  nonisolated(unsafe) private static let basicPlane: UnsafePointer<UInt8> = {
    let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 0x1_0000)
    for value in 0..<0x1_0000 {
      table[value] = Unicode.Scalar(UInt32(value)).map(computedFlags) ?? ScalarClass.other.rawValue
    }
    return UnsafePointer(table)
  }()

  private static func computedFlags(of scalar: Unicode.Scalar) -> UInt8 {
    let changes = scalar.properties.lowercaseMapping.unicodeScalars.elementsEqual(CollectionOfOne(scalar))
    return classified(scalar).rawValue | (changes ? 0 : lowercaseFlag)
  }

  private static func classified(_ scalar: Unicode.Scalar) -> ScalarClass {
    let properties = scalar.properties
    guard let age = properties.age, age.major <= newestUnicode else { return .other }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    default: return properties.isWhitespace ? .space : .other
    }
  }

  /// The class of a scalar's value.
  @inline(__always)
  static func scalarClass(_ value: UInt32) -> ScalarClass {
    ScalarClass(rawValue: (value < 0x1_0000 ? basicPlane[Int(value)] : distantFlags(of: value)) & 3)!
  }

  @inline(__always)
  static func changesWhenLowercased(_ value: UInt32) -> Bool {
    (value < 0x1_0000 ? basicPlane[Int(value)] : distantFlags(of: value)) & lowercaseFlag != 0
  }

  private static func distantFlags(of value: UInt32) -> UInt8 {
    Unicode.Scalar(value).map(computedFlags) ?? ScalarClass.other.rawValue
  }

  static func lowercased(_ value: UInt32) -> String.UnicodeScalarView {
    Unicode.Scalar(value)!.properties.lowercaseMapping.unicodeScalars
  }
}
