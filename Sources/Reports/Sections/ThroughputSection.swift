import Basics
import Foundation

/// How fast a run was, and its processes.
struct ThroughputSection {
  private let run: RunContents

  /// Processes that are listed: the first few and the last ones.
  private static let firstShown = 5
  private static let lastShown = 45

  init(_ run: RunContents) { self.run = run }

  var blocks: [Block] {
    guard run.metrics.stepCount > 0 else { return [] }
    var blocks: [Block] = [.heading(3, "Throughput"), .table(paceTable)]
    if !run.log.sessions.isEmpty { blocks += [.heading(3, "Processes"), .table(processTable)] }
    return blocks
  }

  private var paceTable: Table {
    let pace = run.metrics.pace
    let quantiles = pace.samplesPerSecond([0.05, 0.5, 0.95])
    func seconds(_ value: Double) -> [Cell] {
      [.number(value / Double(pace.stepCount)), Cell(percentText(value / pace.stepSeconds))]
    }
    var rows: [[Cell]] = zip(["5th percentile", "median", "95th percentile"], 0...).map { name, index in
      [Cell("Pairs/s, \(name)"), .number(quantiles?[index]), ""]
    }
    rows.append(["Seconds a step"] + seconds(pace.stepSeconds))
    rows.append(["… waiting for data"] + seconds(pace.dataSeconds))
    rows.append(["… computing"] + seconds(pace.computeSeconds))
    rows.append(["… communicating, not hidden by computing"] + seconds(pace.communicationSeconds))
    var note = "Parts are those of the slowest rank in each step, so they need not add up to 100 %."
    if pace.samplesPerSecond.stride > 1 {
      note += " Percentiles are of every \(pace.samplesPerSecond.stride). step."
    }
    return Table(["Of all steps", "#Mean or value", "#Share"], rows, note: note)
  }

  private var processTable: Table {
    let sessions = run.log.sessions
    let rows = sessions.indices.compactMap { index -> [Cell]? in
      let isShown = index < Self.firstShown || index >= sessions.count - Self.lastShown
      return isShown ? row(index, sessions[index], isLast: index == sessions.count - 1) : nil
    }
    let unlisted = sessions.count - rows.count + run.log.unlistedSessionCount
    let note =
      unlisted > 0
      ? "\(counted(unlisted, "process", plural: "processes")) between them not listed."
      : nil
    return Table(
      [
        "#Process", "#Began (UTC)", "Wall time", "#Ranks", "#From step", "#Steps kept", "#Median pairs/s",
        "End",
      ],
      rows, note: note)
  }

  private func row(_ index: Int, _ session: RunSession, isLast: Bool) -> [Cell] {
    let pace = run.metrics.sessionPaces[index]
    return [
      .count(index + 1 + run.log.unlistedSessionCount), Cell(timeText(session.firstTime)),
      Cell(duration(session.wallSeconds)), .count(session.rankCount),
      .count(session.resumedAt.map { $0 + 1 }),
      .count(pace.stepCount), .number(pace.samplesPerSecond([0.5])?.first),
      Cell(end(session, isLast: isLast)),
    ]
  }

  private func end(_ session: RunSession, isLast: Bool) -> String {
    switch session.end {
    case .done: "done"
    case .stopped(let step): "stopped on a signal at step \(step.digitGrouped)"
    case nil: isLast && run.isHeld ? "going on" : isLast ? "not told" : "broken off"
    }
  }
}
