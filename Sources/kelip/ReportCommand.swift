import ArgumentParser
import Basics
import Foundation
import Reports

/// `kelip report`: what runs were and how they went, as a document.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a run's report, or several runs side by side, as one HTML file.",
    discussion: """
      Runs may still be going on. The file holds its curves and pictures and asks nothing of any network. \
      Markdown's pictures lie beside it: those of report.md in report-files/.
      """)

  @Argument(help: "Directories of runs.", completion: .directory) var runs: [String]
  @Option(help: "The HTML file.", completion: .file()) var out: String
  @Option(help: "Write the same as Markdown to this file.", completion: .file()) var markdown: String?
  @Flag(help: "Print the figures as JSON.") var json = false

  func run() throws {
    let report = try RunReport(runs)
    try report.writeHTML(to: URL(fileURLWithPath: out))
    if let markdown { try report.writeMarkdown(to: URL(fileURLWithPath: markdown)) }
    if json { print(report.json.text) }
  }
}
