import Basics
import Foundation

/// Prints named values: a JSON object for programs, a line each for people.
func printFields(_ fields: [(String, JSONText)], json: Bool) {
  guard !json else { return print(JSONText.object(fields).text) }
  let width = fields.map(\.0.count).max() ?? 0
  for (name, value) in fields {
    var shown = value.text
    if case .number(let number) = value { shown = String(format: "%.6g", number) }
    if case .string(let text) = value { shown = text }
    if case .integer(let count) = value { shown = grouped(count) }
    print(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + shown)
  }
}

/// 176575233 → 176,575,233.
private func grouped(_ count: Int) -> String {
  let digits = String(count.magnitude)
  let groups = digits.enumerated().map { index, digit in
    (index > 0 && (digits.count - index).isMultiple(of: 3) ? "," : "") + String(digit)
  }
  return (count < 0 ? "-" : "") + groups.joined()
}
