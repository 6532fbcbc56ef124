import Basics

/// What went wrong in a run.
struct IncidentSection {
  private let run: RunContents

  private static let groupsShown = 60

  init(_ run: RunContents) { self.run = run }

  var blocks: [Block] {
    var blocks: [Block] = [.heading(3, "Incidents"), .table(Table(["Kind", "#Count", "Which"], counts))]
    blocks += excerpts("Rollbacks", run.log.rollbacks) + excerpts("Saves that failed", run.log.failedSaves)
    if !run.log.warnings.groups.isEmpty {
      blocks += [.heading(4, "Warnings and errors of the log"), .table(warnings)]
    }
    if !run.quarantine.reasons.isEmpty {
      blocks += [.heading(4, "Samples that could not be used"), .table(quarantine)]
    }
    return blocks
  }

  private var counts: [[Cell]] {
    let log = run.log
    let restarts = max(0, log.sessions.count + log.unlistedSessionCount - 1)
    let broken = log.sessions.dropLast().count { $0.end == nil }
    return [
      ["Updates left out", .count(run.metrics.skippedCount), Cell(skippedSteps)],
      ["Values that are not finite", .count(missing.reduce(0) { $0 + $1.missingCount }), Cell(missingText)],
      ["Rollbacks", .count(log.rollbacks.count), ""],
      [
        "Starts after the first", .count(restarts),
        Cell(broken > 0 ? "\(broken.digitGrouped) after a process that broke off" : ""),
      ],
      ["Saves that failed", .count(log.failedSaves.count), ""],
      ["Warnings", .count(log.warnings.count(.warning)), ""],
      ["Errors", .count(log.warnings.count(.error) + log.warnings.count(.critical)), ""],
      ["Samples that could not be used", .count(run.quarantine.sampleCount), ""],
    ]
  }

  private var missing: [MetricColumn] { run.metrics.columns.filter { $0.missingCount > 0 } }

  private var missingText: String {
    missing.prefix(12).map { "\($0.missingCount.digitGrouped) × \($0.name)" }.joined(separator: ", ")
  }

  private var skippedSteps: String {
    let steps = run.metrics.skippedSteps.map(\.digitGrouped).joined(separator: ", ")
    let isMore = run.metrics.skippedCount > run.metrics.skippedSteps.count
    return steps.isEmpty ? "" : "steps \(steps)\(isMore ? " …" : "")"
  }

  private func excerpts(_ title: String, _ found: LogExcerpts) -> [Block] {
    guard found.count > 0 else { return [] }
    let note =
      found.count > found.first.count ? "The first \(found.first.count) of \(found.count.digitGrouped)." : nil
    let rows = found.first.map { [Cell(timeText($0.time)), Cell($0.text)] }
    return [.heading(4, title), .table(Table(["#Time (UTC)", "Message"], rows, note: note))]
  }

  private var warnings: Table {
    let messages = run.log.warnings
    let rows = messages.groups.prefix(Self.groupsShown).map { group -> [Cell] in
      [
        Cell(group.message.level.rawValue), .count(group.count), Cell(group.message.text),
        Cell(timeText(group.message.time)), Cell(group.count > 1 ? timeText(group.lastTime) : ""),
      ]
    }
    var note = "Messages that differ in numbers alone are one line, with the first one's text."
    let unlisted = messages.groups.dropFirst(Self.groupsShown).reduce(messages.unlistedCount) {
      $0 + $1.count
    }
    if unlisted > 0 { note += " \(counted(unlisted, "message")) of other kinds not listed." }
    return Table(["Level", "#Count", "Message", "#First (UTC)", "#Last"], rows, note: note)
  }

  private var quarantine: Table {
    let rows = run.quarantine.reasons.map { reason -> [Cell] in
      [Cell(reason.name), .count(reason.sampleCount), Cell(reason.examples.joined(separator: "\n"))]
    }
    return Table(["Reason", "#Count", "Such as"], rows)
  }
}
