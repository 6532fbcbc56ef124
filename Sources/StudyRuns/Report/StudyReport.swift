import Basics
import Charts
import Foundation
import Imaging

/// What a study shows: tables, and a chart.
package struct StudyReport {
  package let results: StudyResults
  package let tables: [StudyTable]

  package init(_ results: StudyResults) {
    self.results = results
    let rows = StudyRows(results: results)
    tables =
      switch results.kind {
      case .augmentation: AugmentationTables(rows).all
      case .languages: LanguageTables(rows).all
      }
  }

  /// What the cells are, for beneath the tables.
  package var note: String {
    let counts = Set(results.variants.map { results.models(of: $0).count })
    guard let most = counts.max(), most > 1 else { return "One model each: nothing is known of the spread." }
    return "Mean ± sample standard deviation over \(counts.count == 1 ? "" : "up to ")\(most) models."
  }

  package var text: String { (tables.map(\.text) + [note]).joined(separator: "\n\n") }

  package var markdown: String { (tables.map(\.markdown) + [note]).joined(separator: "\n\n") + "\n" }

  /// Writes `table.md`, `results.json` and the chart.
  package func write(to directory: URL) throws {
    try AtomicFile.write(Data(markdown.utf8), to: directory.appendingPathComponent("table.md"))
    try AtomicFile.write(
      Data((results.json.text + "\n").utf8), to: directory.appendingPathComponent("results.json"))
    let chart =
      switch results.kind {
      case .augmentation: AugmentationChart(results).sheet
      case .languages: LanguagesChart(results: results).sheet
      }
    guard !chart.panels.isEmpty else { return }
    try chart.draw(font: ChartFont.open()).writePNG(
      to: directory.appendingPathComponent("\(results.kind.rawValue).png"))
  }
}
