import Basics
import Foundation

/// A report of one run, or of several side by side, that needs nothing but itself to be read.
package struct RunReport {
  let runs: [RunContents]
  let figures: [KeyFigures]
  private let time: Date

  /// Reads the runs, which may still be going on. What is missing or damaged beside `metrics.jsonl` is noted in the
  /// report.
  ///
  /// - Parameters:
  ///   - directories: of runs, at least one; see "Run directory" in README.md.
  ///   - time: when the report is made.
  /// - Throws: `KelipError` for a directory of no run, and for files that exist and cannot be opened.
  package init(_ directories: [String], time: Date = Date()) throws {
    precondition(!directories.isEmpty, "a report of nothing")
    var runs = try directories.map(RunContents.init)
    Self.nameApart(&runs)
    self.runs = runs
    self.time = time
    figures = runs.enumerated().map { KeyFigures($1.metrics, run: $0) }
  }

  /// Runs of the same name are called by more of their paths.
  private static func nameApart(_ runs: inout [RunContents]) {
    let names = runs.map(\.name)
    for index in runs.indices where names.count(where: { $0 == names[index] }) > 1 {
      runs[index].name = runs[index].path
    }
    let paths = runs.map(\.name)
    for index in runs.indices where paths[..<index].contains(paths[index]) {
      runs[index].name += " (\(index + 1))"
    }
  }

  private var title: String { runs.count == 1 ? "Run \(runs[0].name)" : "\(runs.count) runs" }

  private var blocks: [Block] {
    var blocks: [Block] = [.heading(1, title), .text("As of \(timeText(time)) UTC. Made by kelip report.")]
    guard runs.count > 1 else { return blocks + sections(0) }
    blocks.append(.links(runs.enumerated().map { (text: $1.name, anchor: "run-\($0 + 1)") }))
    blocks += ComparisonSection(runs, figures).blocks
    for index in runs.indices {
      blocks.append(.heading(2, runs[index].name, anchor: "run-\(index + 1)"))
      blocks += sections(index)
    }
    return blocks
  }

  private func sections(_ index: Int) -> [Block] {
    let run = runs[index]
    var blocks = OverviewSection(run, figures[index]).blocks + FiguresSection(figures[index]).blocks
    let prefix = runs.count == 1 ? "" : "run-\(index + 1)-"
    let charts = ChartCatalogue([run.metrics.columns]).charts(run, prefix: prefix)
    if !charts.isEmpty { blocks += [.heading(3, "Curves"), .charts(charts)] }
    blocks += ThroughputSection(run).blocks + ValidationSection(run, run: index).blocks
    blocks += CheckpointSection(run).blocks + IncidentSection(run).blocks
    if !run.config.text.isEmpty {
      blocks += [
        .heading(3, "Configuration"), .details("config.yaml, as it was resolved", [.code(run.config.text)]),
      ]
    }
    return blocks
  }
}

extension RunReport {
  /// One self-contained document.
  package var html: String { HTMLWriter.document(blocks, title: title) }

  /// Replaces the file at once.
  package func writeHTML(to url: URL) throws { try AtomicFile.write(Data(html.utf8), to: url) }

  /// The same as Markdown. Curves and pictures lie in a folder beside it: `report-files` for `report.md`.
  package func writeMarkdown(to url: URL) throws {
    let name = url.deletingPathExtension().lastPathComponent + "-files"
    let (text, files) = MarkdownWriter.document(blocks, folder: name)
    let folder = url.deletingLastPathComponent().appendingPathComponent(name, isDirectory: true)
    if !files.isEmpty {
      do {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      } catch {
        throw KelipError("cannot be created: \(error.localizedDescription)", at: folder.path)
      }
    }
    // The text comes last: what it names is there.
    for file in files { try AtomicFile.write(file.data, to: folder.appendingPathComponent(file.name)) }
    try AtomicFile.write(Data(text.utf8), to: url)
  }
}
