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
  private static let basicPlane: [UInt8] = (0..<0x1_0000).map { value in
    Unicode.Scalar(UInt32(value)).map(computedFlags) ?? ScalarClass.other.rawValue
  }

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

  private static func flags(of scalar: Unicode.Scalar) -> UInt8 {
    scalar.value < 0x1_0000 ? basicPlane[Int(scalar.value)] : computedFlags(of: scalar)
  }

  static func scalarClass(_ scalar: Unicode.Scalar) -> ScalarClass {
    ScalarClass(rawValue: flags(of: scalar) & 3)!
  }

  static func changesWhenLowercased(_ scalar: Unicode.Scalar) -> Bool {
    flags(of: scalar) & lowercaseFlag != 0
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The scalar that starts at `index` and its length in bytes; the buffer holds valid UTF-8.
  @inline(__always)
  func scalar(at index: Int) -> (scalar: Unicode.Scalar, length: Int) {
    let first = UInt32(self[index])
    if first < 0x80 { return (Unicode.Scalar(UInt8(first)), 1) }
    let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    var value = first & (0x7F >> UInt32(length))
    for offset in 1..<length { value = value << 6 | UInt32(self[index + offset] & 0x3F) }
    return (Unicode.Scalar(value)!, length)
  }
}
