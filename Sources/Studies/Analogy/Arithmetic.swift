import Basics
import Foundation

/// A sum of features, such as `image:cat.jpg - text:day + 2*text:night`.
package struct Arithmetic: Sendable, Equatable {
  package enum Kind: String, CaseIterable, Sendable {
    /// A picture file.
    case image
    case text
    /// A picture of the gallery, by its key.
    case sample
  }

  package struct Term: Sendable, Equatable {
    package var weight: Float
    package var kind: Kind
    package var value: String
  }

  package let terms: [Term]

  /// Terms are set apart by ` + ` and ` - ` with spaces; a factor stands before a term with `*`.
  package init(_ text: String) throws {
    var terms: [Term] = []
    var sign: Float = 1
    var words: [Substring] = []
    func close() throws {
      terms.append(try Self.term(words.joined(separator: " "), sign, of: text))
      words = []
    }
    for word in text.split(separator: " ") {
      if word == "+" || word == "-" {
        if !words.isEmpty { try close() }
        sign = word == "+" ? 1 : -1
      } else {
        words.append(word)
      }
    }
    try close()
    self.terms = terms
  }

  private static func term(_ text: String, _ sign: Float, of whole: String) throws -> Term {
    let hint = "write terms such as image:cat.jpg, text:night, sample:000000042 or 0.5*text:night"
    var (rest, weight) = (Substring(text), sign)
    if let star = rest.firstIndex(of: "*"), let factor = Float(rest[..<star]), factor.isFinite {
      (rest, weight) = (rest[rest.index(after: star)...], sign * factor)
    }
    guard let colon = rest.firstIndex(of: ":"), let kind = Kind(rawValue: String(rest[..<colon])),
      rest.index(after: colon) < rest.endIndex
    else { throw KelipError("\"\(text)\" is no term of a sum", at: whole, hint: hint) }
    return Term(weight: weight, kind: kind, value: String(rest[rest.index(after: colon)...]))
  }
}
