/// Last and best figures of a run.
struct FiguresSection {
  static let digitsNote =
    "HTML shows four significant digits; the whole value of metrics.jsonl shows under the pointer and is the cell's "
    + "data-value. Markdown has whole values."

  private let figures: KeyFigures

  init(_ figures: KeyFigures) { self.figures = figures }

  var blocks: [Block] {
    guard !figures.entries.isEmpty else {
      return [.heading(3, "Figures"), .text("No step is recorded yet.")]
    }
    let rows = figures.entries.map { entry -> [Cell] in
      [
        Cell(entry.key), Cell(entry.last), .count(entry.last.step), Cell(entry.best),
        .count(entry.best?.step),
      ]
    }
    let titles = ["Key", "#Last", "#at step", "#Best", "#at step"]
    return [.heading(3, "Figures"), .table(Table(titles, rows, note: Self.digitsNote))]
  }
}
