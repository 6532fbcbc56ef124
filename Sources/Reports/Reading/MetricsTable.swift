import Basics
import Foundation

/// What a report needs of `metrics.jsonl`, gathered in one pass.
final class MetricsTable {
  /// In the order in which keys first appeared.
  private(set) var columns: [MetricColumn] = []
  private(set) var stepCount = 0
  private(set) var firstStep: Int?
  private(set) var lastStep: Int?
  private(set) var lastStage: String?
  /// Steps whose update was left out; `skippedSteps` has the first of them.
  private(set) var skippedCount = 0
  private(set) var skippedSteps: [Int] = []
  /// Speed of all steps and of each session.
  private(set) var pace = StepPaceSummary()
  private(set) var sessionPaces: [StepPaceSummary]
  /// Steps with a `validation_score`, thinned where there are very many.
  private(set) var validations = ValidationHistory()
  /// Faults of the file, for the report.
  private(set) var notes: [String] = []

  private let sessions: [Range<Int>]
  private var names: [String: Int] = [:]
  private var keys: [[UInt8]] = []
  private var row = MetricsRow()
  private var currentSession = 0
  private var badLineCount = 0
  private var unorderedCount = 0

  private static let skippedShown = 20
  /// Keys that a file may have before the rest is passed over: it is not of a run then.
  private static let maximumColumns = 2000

  /// - Parameter sessions: the steps of each process, see `RunLog.sessions`.
  init(_ url: URL, sessions: [Range<Int>] = []) throws {
    self.sessions = sessions
    sessionPaces = sessions.map { _ in StepPaceSummary(capacity: 1 << 14) }
    guard let summary = try LineReader(url).read({ [unowned self] in take($0) }) else {
      notes.append("metrics.jsonl is not there")
      return
    }
    note(summary)
  }

  func column(_ name: String) -> MetricColumn? { names[name].map { columns[$0] } }

  private func note(_ summary: LineReader.Summary) {
    if summary.isTorn {
      notes.append(
        "the last line of metrics.jsonl has no end and is left out: it is being written, or was cut off")
    }
    let bad = badLineCount + summary.overlongCount
    if bad > 0 {
      notes.append(
        "\(counted(bad, "line")) of metrics.jsonl cannot be read and \(bad == 1 ? "is" : "are") left out")
    }
    if unorderedCount > 0 {
      notes.append(
        "\(counted(unorderedCount, "line")) of metrics.jsonl with a step that does not come after the one before left out"
      )
    }
  }

  private func take(_ line: UnsafeRawBufferPointer) {
    row.removeAll()
    var position = 0
    let isWhole = FlatJSON.scan(line) { path, token in
      defer { position += 1 }
      guard let index = index(of: path, expected: position) else { return }
      switch token {
      case .number(let value): row.numbers.append((index, value))
      case .null: row.numbers.append((index, nil))
      case .bool(let value): if columns[index].name == "updated" { row.isUpdated = value }
      case .text(let raw):
        if columns[index].name == "stage" { row.stage = String(decoding: raw, as: UTF8.self) }
      }
    }
    guard isWhole, let number = row.numbers.first(where: { columns[$0.index].name == "step" })?.value,
      let step = Int(exactly: number), step >= 1
    else {
      badLineCount += 1
      return
    }
    guard step > lastStep ?? 0 else {
      unorderedCount += 1
      return
    }
    add(step)
  }

  private func add(_ step: Int) {
    (firstStep, lastStep, stepCount) = (firstStep ?? step, step, stepCount + 1)
    if let stage = row.stage { lastStage = stage }
    for (index, value) in row.numbers { columns[index].add(step: step, value: value) }
    if !row.isUpdated {
      skippedCount += 1
      if skippedSteps.count < Self.skippedShown { skippedSteps.append(step) }
    }
    func value(_ name: String) -> Double? { names[name].flatMap { row.value(of: $0) } }
    let times = StepTimes(
      samplesPerSecond: value("samples_per_second"), step: value("step_seconds"), data: value("data_seconds"),
      compute: value("compute_seconds"), communication: value("communication_seconds"))
    pace.add(times)
    if let session = session(of: step) { sessionPaces[session].add(times) }
    if value("validation_score") != nil {
      validations.add(step, row.numbers.map { (columns[$0.index].name, $0.value) })
    }
  }

  /// Steps grow, so it is that of the step before, or a later one.
  private func session(of step: Int) -> Int? {
    while currentSession < sessions.count, step >= sessions[currentSession].upperBound { currentSession += 1 }
    return currentSession < sessions.count && sessions[currentSession].contains(step) ? currentSession : nil
  }

  /// Lines of a run have the same keys in the same order, but for a few; so the place is tried first.
  private func index(of path: UnsafeRawBufferPointer, expected: Int) -> Int? {
    if expected < keys.count, keys[expected].count == path.count,
      keys[expected].withUnsafeBytes({ memcmp($0.baseAddress!, path.baseAddress!, path.count) == 0 })
    {
      return expected
    }
    let name = String(decoding: path, as: UTF8.self)
    if let known = names[name] { return known }
    guard columns.count < Self.maximumColumns, !path.isEmpty else { return nil }
    names[name] = columns.count
    keys.append(Array(path))
    columns.append(MetricColumn(name))
    return columns.count - 1
  }
}

/// One line while it is read.
private struct MetricsRow {
  var numbers: [(index: Int, value: Double?)] = []
  var isUpdated = true
  var stage: String?

  func value(of index: Int) -> Double? { numbers.first { $0.index == index }?.value }

  mutating func removeAll() {
    numbers.removeAll(keepingCapacity: true)
    (isUpdated, stage) = (true, nil)
  }
}
