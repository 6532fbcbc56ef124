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
    if case .integer(let count) = value { shown = count.digitGrouped }
    print(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + shown)
  }
}
