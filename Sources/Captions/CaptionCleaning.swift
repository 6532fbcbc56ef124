import Tokenization

/// One thing that is put right in a caption. The raw value is its name in a rules file.
package enum CleaningStep: String, CaseIterable, Sendable {
  /// Unicode's normalisation form C.
  case nfc
  /// HTML entities become the characters that they stand for; tags and comments go.
  case html
  /// Web addresses go.
  case urls
  /// E-mail addresses go.
  case emails
  /// Control and invisible formatting characters go; what emoji are joined with stays.
  case control
  /// Every run of white space becomes one space; none at the ends.
  case whitespace

  /// A pure function of the text; cleaning twice changes nothing more.
  package func apply(to text: String) -> String {
    let bytes = Array(text.utf8)
    let cleaned =
      switch self {
      case .nfc: CanonicalComposition.composed(bytes)
      case .html: HTMLTags.removed(from: HTMLEntities.decoded(bytes))
      case .urls: WebAddresses.removed(from: bytes)
      case .emails: EmailAddresses.removed(from: bytes)
      case .control: InvisibleCharacters.removed(from: bytes)
      case .whitespace: WhiteSpace.collapsed(bytes)
      }
    return String(decoding: cleaned, as: UTF8.self)
  }
}

extension Sequence<CleaningStep> {
  /// The steps one after the other.
  package func apply(to text: String) -> String { reduce(text) { $1.apply(to: $0) } }
}
