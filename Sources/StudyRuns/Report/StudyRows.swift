import Foundation

/// Makes rows of a study's table: a cell a variant, and what guessing gives.
struct StudyRows {
  enum Unit { case percent, seconds, count, rank }

  let results: StudyResults

  var columns: [String] { results.variants + ["chance"] }

  /// Nil where no model has the measure.
  ///
  /// - Parameters:
  ///   - chance: the measure that guessing once has; nil where nothing can be guessed.
  ///   - guesses: how many there are.
  func row(_ label: String, _ measure: String, _ unit: Unit, chance: String? = nil, guesses: Int = 1)
    -> StudyTable.Row?
  {
    let spreads = results.variants.map { results.spread(measure, of: $0) }
    guard spreads.contains(where: { $0 != nil }) else { return nil }
    let guess = chance.flatMap { name in
      results.variants.lazy.compactMap { results.spread(name, of: $0) }.first
    }
    let guessed = guess.map { Self.number(min(1, Double(guesses) * $0.mean), unit) } ?? ""
    return StudyTable.Row(label, spreads.map { Self.cell($0, unit) } + [guessed])
  }

  func table(_ title: String, _ rows: [StudyTable.Row?]) -> StudyTable? {
    let rows = rows.compactMap(\.self)
    return rows.isEmpty ? nil : StudyTable(title: title, columns: columns, rows: rows)
  }

  static func cell(_ spread: Spread?, _ unit: Unit) -> String {
    guard let spread else { return "–" }
    guard let deviation = spread.deviation, unit != .count || deviation > 0 else {
      return number(spread.mean, unit)
    }
    return "\(number(spread.mean, unit)) ± \(number(deviation, unit))"
  }

  private static func number(_ value: Double, _ unit: Unit) -> String {
    switch unit {
    case .percent: String(format: "%.1f", 100 * value)
    case .seconds, .rank: String(format: "%.1f", value)
    case .count: String(format: "%.0f", value)
    }
  }

  static func language(_ code: String) -> String {
    ["ko": "Korean", "en": "English"][code] ?? code
  }
}
