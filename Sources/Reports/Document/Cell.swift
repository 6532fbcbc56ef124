import Basics
import Foundation

/// What stands in a place of a table.
struct Cell: ExpressibleByStringInterpolation {
  var text: String
  /// Where the number comes from, for what is copied from a run's files.
  var figure: Figure?
  /// Colour of a run's or a series' curves.
  var colour: Int?
  var isStrong = false

  init(_ text: String) { self.text = text }

  init(stringLiteral value: String) { text = value }

  init(_ figure: Figure?) {
    text = figure.map { Cell.short($0.value) } ?? "–"
    self.figure = figure
  }

  static func count(_ value: Int?) -> Cell { Cell(value.map(\.digitGrouped) ?? "–") }

  /// Not from a file: four significant digits.
  static func number(_ value: Double?) -> Cell { Cell(value.map { short($0) } ?? "–") }

  func strong(_ isStrong: Bool = true) -> Cell {
    var copy = self
    copy.isStrong = isStrong
    return copy
  }

  /// Four significant digits; whole numbers in full.
  static func short(_ value: Double?) -> String {
    guard let value else { return "not finite" }
    if value == value.rounded(), abs(value) < 1e15 { return Int(value).digitGrouped }
    return String(format: "%.4g", value)
  }
}

/// A number as a file of a run has it.
struct Figure: Equatable {
  /// Of the report's runs, from 0.
  var run: Int
  /// Below the run's directory.
  var file = "metrics.jsonl"
  var key: String
  var step: Int
  /// Nil for null.
  var value: Double?

  /// Reads back to the same 64 bits.
  var exactText: String {
    guard let value else { return "null" }
    return value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
  }
}
