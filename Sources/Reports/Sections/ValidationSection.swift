import Basics
import Checkpointing
import Foundation

/// What each validation of a run found, and the sample queries of the last one.
struct ValidationSection {
  private struct Row {
    var step: Int
    var language: String
  }

  private let run: RunContents
  private let index: Int
  private let metrics: [Int: [String: Double?]]
  private let evaluations: [EvaluationRecords.Entry]

  private static let ways = ["text_to_image", "image_to_text"]
  private static let ranks = ["R@1", "R@5", "R@10", "median_rank"]

  /// - Parameter index: the run's place in the report.
  init(_ run: RunContents, run index: Int) {
    (self.run, self.index, evaluations) = (run, index, run.evaluations.entries)
    metrics = Dictionary(run.metrics.validations.entries.map { ($0.step, $0.values) }) { $1 }
  }

  var blocks: [Block] {
    var blocks: [Block] = []
    if !rows.isEmpty { blocks.append(.table(table)) }
    if let picture = run.evaluations.picture {
      blocks.append(
        .text("Sample queries of the last validation, with the pictures and captions they found:"))
      let name = index == 0 ? "queries.png" : "run-\(index + 1)-queries.png"
      blocks.append(
        .picture(Picture(fileName: name, alternative: "Sample queries of the last validation", png: picture)))
    }
    return blocks.isEmpty ? [] : [.heading(3, "Validations")] + blocks
  }

  /// Of the files, and of what the records alone know of.
  private var rows: [Row] {
    let known = Set(evaluations.map(\.step))
    let others = metrics.filter { !known.contains($0.key) }.flatMap { step, values in
      values.keys.compactMap {
        $0.wholeMatch(of: /validation_(.+)_loss/).map { Row(step: step, language: String($0.1)) }
      }
    }
    let all =
      evaluations.map { Row(step: $0.step, language: $0.language) }
      + others.sorted { $0.language < $1.language }
    return all.enumerated().sorted { ($0.element.step, $0.offset) < ($1.element.step, $1.offset) }.map(
      \.element)
  }

  private var table: Table {
    let heads = Self.ways.flatMap { way in
      Self.ranks.map { "#\(way == "text_to_image" ? "T→I" : "I→T") \($0 == "median_rank" ? "median" : $0)" }
    }
    let best = run.metrics.column("validation_score")?.largest?.step
    let body = rows.map { row -> [Cell] in
      let keys =
        ["loss"] + Self.ways.flatMap { way in Self.ranks.map { "\(way)_\($0)" } } + ["chance_R@1", "count"]
      let cells = keys.map { Cell(figure(row, $0)) }
      return ([.count(row.step), Cell(row.language)] + cells).map { $0.strong(row.step == best) }
    }
    return Table(["#Step", "Language", "#Loss"] + heads + ["#Chance R@1", "#Pairs"], body, note: note)
  }

  private var note: String {
    var note =
      "T→I: for a caption its picture; I→T: for a picture its caption. Recalls are fractions, ranks count from 1."
    if run.metrics.column("validation_score")?.largest != nil {
      note += " In bold: the step with the best score."
    }
    if run.evaluations.unreadCount > 0 {
      note += " \(counted(run.evaluations.unreadCount, "file")) between them not read."
    }
    if run.metrics.validations.stride > 1 && evaluations.isEmpty {
      note += " Every \(run.metrics.validations.stride). validation is listed."
    }
    return note
  }

  /// As the records have it, else as the validation's own file does.
  private func figure(_ row: Row, _ name: String) -> Figure? {
    let key = "validation_\(row.language)_\(name)"
    if let value = metrics[row.step]?[key] {
      return Figure(run: index, key: key, step: row.step, value: value)
    }
    let entry = evaluations.first { $0.step == row.step && $0.language == row.language }
    guard let value = entry?.values[name] else { return nil }
    let file = "evaluations/\(CheckpointDirectory.name(step: row.step)).json"
    return Figure(run: index, file: file, key: "\(row.language).\(name)", step: row.step, value: value)
  }
}
