internal import CCLD2Shims

/// What language a caption is in, as far as a Korean-English data set cares.
package enum CaptionLanguage: UInt8, CaseIterable, Sendable {
  case korean
  case english
  case other

  /// The tag in metadata and configurations: `ko`, `en` or `other`.
  package var tag: String {
    switch self {
    case .korean: "ko"
    case .english: "en"
    case .other: "other"
    }
  }

  package init?(tag: String) {
    guard let found = Self.allCases.first(where: { $0.tag == tag }) else { return nil }
    self = found
  }

  /// Korean where a third of the letters are Hangul; else what Compact Language Detector 2 says. Short Latin text that
  /// it cannot tell counts as English.
  package static func detect(_ text: String) -> CaptionLanguage {
    var hangul = 0
    var latin = 0
    var letters = 0
    for scalar in text.unicodeScalars where scalar.properties.isAlphabetic {
      letters += 1
      if isHangul(scalar) { hangul += 1 } else if scalar.isASCII { latin += 1 }
    }
    guard letters > 0 else { return .other }
    if 3 * hangul >= letters { return .korean }
    guard 2 * latin >= letters else { return .other }
    var text = text
    let found = text.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) {
        kelip_detect_language($0.baseAddress!, Int32(clamping: $0.count))
      }
    }
    let code = String(cString: found.code)
    return code == "en" || code == "un" || found.is_reliable == 0 ? .english : .other
  }

  /// Syllables and jamo, half-width ones included.
  private static func isHangul(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0xAC00...0xD7A3, 0x1100...0x11FF, 0x3130...0x318F, 0xA960...0xA97F, 0xD7B0...0xD7FF, 0xFFA0...0xFFDC:
      true
    default: false
    }
  }
}
