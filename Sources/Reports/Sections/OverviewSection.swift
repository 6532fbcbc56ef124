import Basics
import Foundation

/// What a run is, and where it stands.
struct OverviewSection {
  private let run: RunContents
  private let figures: KeyFigures

  init(_ run: RunContents, _ figures: KeyFigures) { (self.run, self.figures) = (run, figures) }

  var blocks: [Block] {
    [.text(run.path), .tiles(tiles), .table(Table(["Fact", "Value"], facts)), .notes(run.notes)]
  }

  private var tiles: [(label: String, cell: Cell)] {
    var tiles: [(label: String, cell: Cell)] = [("Steps", steps)]
    tiles.append(("Pairs seen", Cell(figures["samples_seen"]?.last)))
    for (label, key) in [("Last loss", "loss"), ("Last logit scale", "logit_scale")] {
      if let entry = figures[key] { tiles.append((label, Cell(entry.last))) }
    }
    if let best = figures["validation_score"]?.best { tiles.append(("Best validation score", Cell(best))) }
    if let median = run.metrics.pace.samplesPerSecond([0.5])?.first {
      tiles.append(("Median pairs/s", .number(median)))
    }
    if let wall = run.wallSeconds { tiles.append(("Wall time", Cell(duration(wall)))) }
    return tiles
  }

  private var steps: Cell {
    let done = (run.metrics.lastStep ?? 0).digitGrouped
    return Cell(run.config.totalSteps.map { "\(done) of \($0.digitGrouped)" } ?? done)
  }

  private var facts: [[Cell]] {
    var rows: [[Cell]] = [["State", Cell(run.stateText)]]
    func add(_ name: String, _ value: String?) {
      if let value, !value.isEmpty { rows.append([Cell(name), Cell(value)]) }
    }
    add("Stages", run.config["stages"])
    add("Stage of the last step", run.metrics.lastStage)
    add("Model", run.config["model.config"])
    add("Precision", run.config["model.precision"])
    add("Parameters", run.parameterCount?.digitGrouped)
    add("Ranks", rankText)
    add(
      "Pairs a step",
      run.log.sessions.last?.globalBatchSize?.digitGrouped ?? run.config["data.global_batch_size"])
    add("Training data", run.config["data.train"])
    add("Validation data", run.config["data.validation"])
    add("Seed", run.config["run.seed"])
    add("First line of the log", run.log.firstTime.map { timeText($0) + " UTC" })
    add("Last line of the log", run.log.lastTime.map { timeText($0) + " UTC" })
    add("Wall time", wallText)
    add("Time within steps", run.metrics.stepCount > 0 ? duration(run.metrics.pace.stepSeconds) : nil)
    return rows
  }

  /// The last process' and, where they were others, those before.
  private var rankText: String? {
    var counts: [Int] = []
    for count in run.log.sessions.compactMap(\.rankCount) where counts.last != count { counts.append(count) }
    guard let last = counts.last else { return nil }
    return counts.count == 1
      ? last.digitGrouped
      : "\(last.digitGrouped) (in turn: \(counts.suffix(20).map(\.digitGrouped).joined(separator: ", ")))"
  }

  private var wallText: String? {
    guard let seconds = run.wallSeconds else { return nil }
    let count = run.log.sessions.count
    return duration(seconds) + (count > 1 ? ", of \(count) processes together" : "")
  }
}
