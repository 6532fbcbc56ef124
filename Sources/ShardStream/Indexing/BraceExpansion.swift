import Basics
import Foundation

/// Shell-like braces: `{00000..00012}` counts with the width of its first number, `{a,b}` lists.
enum BraceExpansion {
  /// All texts that `pattern` stands for, in order; a text without braces stands for itself.
  static func expand(_ pattern: String) -> [String] {
    guard let open = pattern.firstIndex(of: "{"),
      let close = pattern[open...].firstIndex(of: "}")
    else { return [pattern] }
    let inside = pattern[pattern.index(after: open)..<close]
    guard let choices = range(inside) ?? list(inside) else { return [pattern] }
    let tails = expand(String(pattern[pattern.index(after: close)...]))
    return choices.flatMap { choice in tails.map { pattern[..<open] + choice + $0 } }
  }

  private static func range(_ text: Substring) -> [String]? {
    let parts = text.components(separatedBy: "..")
    guard parts.count == 2, let first = number(parts[0]), let last = number(parts[1]), first <= last
    else { return nil }
    return (first...last).map { $0.padded(to: parts[0].count) }
  }

  private static func number(_ text: String) -> Int? {
    text.allSatisfy { $0.isASCII && $0.isNumber } ? Int(text) : nil
  }

  private static func list(_ text: Substring) -> [String]? {
    text.contains(",") ? text.components(separatedBy: ",") : nil
  }
}
