import Basics

/// Several runs side by side.
struct ComparisonSection {
  private let runs: [RunContents]
  private let figures: [KeyFigures]

  init(_ runs: [RunContents], _ figures: [KeyFigures]) { (self.runs, self.figures) = (runs, figures) }

  var blocks: [Block] {
    [
      .heading(2, "Side by side"), .table(overview),
      .heading(3, "Figures"), .table(figureTable(\.last, "Last")), .table(figureTable(\.best, "Best")),
      .text(FiguresSection.digitsNote),
      .heading(3, "Configuration where it differs"), configuration,
      .heading(3, "Curves"), .charts(ChartCatalogue(runs.map(\.metrics.columns)).charts(runs, prefix: "")),
    ]
  }

  private func name(_ index: Int) -> Cell {
    var cell = Cell(runs[index].name)
    cell.colour = index
    return cell
  }

  private var overview: Table {
    let rows = runs.indices.map { index -> [Cell] in
      let run = runs[index]
      return [
        name(index), Cell(run.config["model.config"] ?? "–"), .count(run.parameterCount),
        .count(run.rankCount),
        .count(run.metrics.lastStep), Cell(figures[index]["samples_seen"]?.last),
        .number(run.metrics.pace.samplesPerSecond([0.5])?.first), Cell(run.wallSeconds.map(duration) ?? "–"),
        Cell(run.stateText),
      ]
    }
    return Table(
      [
        "Run", "Model", "#Parameters", "#Ranks", "#Step", "#Pairs seen", "#Median pairs/s", "Wall time",
        "State",
      ],
      rows)
  }

  /// A line a key, a column a run.
  private func figureTable(_ kind: (KeyFigures.Entry) -> Figure?, _ title: String) -> Table {
    var keys: [String] = []
    for entry in figures.flatMap(\.entries) where kind(entry) != nil && !keys.contains(entry.key) {
      keys.append(entry.key)
    }
    let rows = keys.map { key -> [Cell] in
      let row = figures.map { $0[key].flatMap(kind) }
      let best = Self.best(row, KeyFigures.aim(key))
      return [Cell(key)] + row.map { Cell($0).strong(best != nil && $0?.value == best) }
    }
    return Table(["\(title) value of"] + runs.map { "#\($0.name)" }, rows)
  }

  /// Nil where no run is better than another.
  private static func best(_ row: [Figure?], _ aim: KeyFigures.Aim?) -> Double? {
    let values = row.compactMap { $0?.value }
    guard let aim, Set(values).count > 1 else { return nil }
    return aim == .smallest ? values.min() : values.max()
  }

  private var configuration: Block {
    var keys: [String] = []
    for key in runs.flatMap({ $0.config.values.map(\.key) }) where !keys.contains(key) { keys.append(key) }
    let rows = keys.compactMap { key -> [Cell]? in
      let values = runs.map { $0.config[key] }
      return Set(values).count > 1 ? [Cell(key)] + values.map { Cell($0 ?? "–") } : nil
    }
    if rows.isEmpty { return .text("No key differs.") }
    return .table(
      Table(["Key"] + runs.map(\.name), rows, note: "–: the run's configuration does not have the key."))
  }
}
