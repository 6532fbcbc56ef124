import Foundation

/// Particles with two forms, one behind a vowel and one behind a consonant.
package enum KoreanParticle: CaseIterable, Sendable {
  case topic, subject, object, with, toward, or, called, copula

  /// Behind a consonant, and behind a vowel.
  private var forms: (consonant: String, vowel: String) {
    switch self {
    case .topic: ("은", "는")
    case .subject: ("이", "가")
    case .object: ("을", "를")
    case .with: ("과", "와")
    case .toward: ("으로", "로")
    case .or: ("이나", "나")
    case .called: ("이라는", "라는")
    case .copula: ("이다", "다")
    }
  }

  /// How templates write it; where the reading of a word is not known, texts say the first one too.
  var notations: [String] {
    switch self {
    case .topic: ["은(는)", "은/는"]
    case .subject: ["이(가)", "이/가"]
    case .object: ["을(를)", "을/를"]
    case .with: ["과(와)", "과/와"]
    case .toward: ["(으)로", "으로/로"]
    case .or: ["(이)나", "이나/나"]
    case .called: ["(이)라는", "이라는/라는"]
    case .copula: ["(이)다", "이다/다"]
    }
  }

  /// The form that a word takes.
  package func form(after word: String) -> String {
    switch WordEnding(of: word) {
    case .vowel: forms.vowel
    // 서울로, 연필로
    case .rieul: self == .toward ? forms.vowel : forms.consonant
    case .consonant: forms.consonant
    case nil: notations[0]
    }
  }

  /// The particle that `text` begins with in one of its notations, and how long that is.
  static func leading(_ text: Substring) -> (particle: KoreanParticle, length: Int)? {
    for particle in allCases {
      for notation in particle.notations where text.hasPrefix(notation) { return (particle, notation.count) }
    }
    return nil
  }
}

/// A text with places for a name, such as `{}이/가 있는 사진`: the particle behind a place takes the form that goes with the
/// name.
package struct NameTemplate: Sendable, Equatable {
  package static let place = "{}"
  package let text: String

  /// Nil for a text without a place.
  package init?(_ text: String) {
    guard text.contains(Self.place) else { return nil }
    self.text = text
  }

  package func filled(with name: String) -> String {
    var (filled, rest) = ("", Substring(text))
    while let place = rest.range(of: Self.place) {
      filled += rest[..<place.lowerBound] + name
      rest = rest[place.upperBound...]
      guard let (particle, length) = KoreanParticle.leading(rest) else { continue }
      filled += particle.form(after: name)
      rest = rest.dropFirst(length)
    }
    return filled + rest
  }
}
