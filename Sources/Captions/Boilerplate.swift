import Basics
import Foundation

/// Phrases that say nothing about a picture: file names, "Image may contain:", "사진 제공".
///
/// A list has an entry a line. `/…/` is a regular expression (ICU's), anything else a phrase, which is found in any case
/// and as whole words. Empty lines and those that begin with `#` say nothing.
package final class Boilerplate: Sendable {
  private let expressions: [NSRegularExpression]

  /// - Parameter source: what to call the list in messages: a path.
  package init(list: String, source: String) throws {
    var phrases: [String] = []
    var expressions: [NSRegularExpression] = []
    for (number, line) in list.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.isEmpty || line.hasPrefix("#") { continue }
      guard line.count > 2, line.hasPrefix("/"), line.hasSuffix("/") else {
        phrases.append(Self.pattern(phrase: line))
        continue
      }
      do {
        expressions.append(try Self.expression(String(line.dropFirst().dropLast())))
      } catch {
        throw KelipError("not a regular expression: \(line)", at: "\(source):\(number + 1)")
      }
    }
    // One expression for all phrases: the text is read once. The longest come first, so that "Photo by" does not leave
    // the rest of "Photo by courtesy of".
    if !phrases.isEmpty {
      phrases.sort { $0.utf8.count > $1.utf8.count }
      expressions.append(try Self.expression(phrases.joined(separator: "|")))
    }
    self.expressions = expressions
  }

  package convenience init(contentsOf path: String) throws {
    do {
      try self.init(list: String(contentsOfFile: path, encoding: .utf8), source: path)
    } catch let error as KelipError {
      throw error
    } catch {
      throw KelipError("cannot read the list of phrases: \(error.localizedDescription)", at: path)
    }
  }

  private static func expression(_ pattern: String) throws -> NSRegularExpression {
    try NSRegularExpression(pattern: pattern, options: [.caseInsensitive])
  }

  private static func pattern(phrase: String) -> String {
    let isWord: (Character?) -> Bool = { $0.map { $0.isLetter || $0.isNumber } ?? false }
    let before = isWord(phrase.first) ? #"(?<![\p{L}\p{N}])"# : ""
    let after = isWord(phrase.last) ? #"(?![\p{L}\p{N}])"# : ""
    return before + NSRegularExpression.escapedPattern(for: phrase) + after
  }

  /// `text` without its boilerplate; the same text where there is none. What is left is brought together with single
  /// spaces, and punctuation that stood between is taken off its ends.
  package func removed(from text: String) -> String {
    var result = text
    var isChanged = false
    for expression in expressions {
      let range = NSRange(location: 0, length: result.utf16.count)
      guard expression.firstMatch(in: result, range: range) != nil else { continue }
      result = expression.stringByReplacingMatches(in: result, range: range, withTemplate: " ")
      isChanged = true
    }
    guard isChanged else { return text }
    let ends = CharacterSet.whitespaces.union(CharacterSet(charactersIn: "-–—|·•:;,/=\\_"))
    return CleaningStep.whitespace.apply(to: result.trimmingCharacters(in: ends))
  }
}
