import Basics
import Foundation
import TestFolders
import Testing

@testable import Reports

@Suite struct RunReportTests {
  /// What would be fetched: addresses in attributes and in styles.
  private func references(_ html: String) -> [String] {
    html.matches(of: /(?:src|href|action|poster|data)\s*=\s*"([^"]*)"|url\(([^)]*)\)|(@import)/).map {
      String($0.1 ?? $0.2 ?? $0.3!)
    }
  }

  @Test func figuresAreThoseOfTheRecords() throws {
    let run = try MadeUpRun.whole()
    let html = try run.report.html
    let cells = html.matches(
      of: /data-run="0" data-file="metrics.jsonl" data-key="([^"]+)" data-step="(\d+)" data-value="([^"]+)"/)
    #expect(cells.count > 10)
    for cell in cells where cell.1 == "loss" {
      let value = MadeUpRun.losses[try #require(Int(cell.2)) - 1]
      #expect(Double(cell.3) == value)
    }
    #expect(cells.contains { $0.1 == "validation_ko_loss" && $0.2 == "4" && $0.3 == "10.304817201575212" })
    #expect(
      html.contains(
        "data-file=\"evaluations/step-00000004.json\" data-key=\"ko.count\" data-step=\"4\" data-value=\"208\""
      ))
  }

  @Test func nothingIsFetchedAndNothingForeignIsMarkup() throws {
    let run = try MadeUpRun.whole()
    let html = try run.report.html
    #expect(references(html).allSatisfy { $0.hasPrefix("#") || $0.hasPrefix("data:image/png;base64,") })
    #expect(!html.contains("<script") && !html.contains("<link") && !html.contains("<b>"))
    #expect(html.contains("한국어 &lt;b&gt;&amp;amp; | model.yaml"))
    #expect(html.contains("disk &lt;full&gt; | `a`"))
    for words in [
      "stopped on a signal at step 6", "image_corrupt", "Updates left out", "step-00000004", "of 8",
    ] {
      #expect(html.contains(words), "\(words)")
    }
  }

  @Test func markdownHasTheSameWithFilesBesideIt() throws {
    let (run, folder) = (try MadeUpRun.whole(), try TemporaryFolder())
    try run.report.writeMarkdown(to: folder.file("my report.md"))
    let text = try String(contentsOf: folder.file("my report.md"), encoding: .utf8)
    #expect(text.contains("10.304817201575212") && text.contains("# Run run"))
    let named = text.matches(of: /!\[[^\]]*\]\(my%20report-files\/([^)]+)\)/).map { String($0.1) }
    let there = try FileManager.default.contentsOfDirectory(atPath: folder.file("my report-files").path)
    #expect(Set(named) == Set(there) && named.contains("loss.svg") && named.contains("queries.png"))
  }

  @Test func severalRunsStandSideBySide() throws {
    let runs = [try MadeUpRun.whole("first"), try MadeUpRun.whole("second", lr: "0.002")]
    let report = try MadeUpRun.report(runs)
    let html = report.html
    #expect(
      html.contains("<h1>2 runs</h1>") && html.contains("href=\"#run-2\"") && html.contains("id=\"run-2\""))
    let start = try #require(html.range(of: "Configuration where it differs"))
    let table = html[start.upperBound...].prefix { $0 != "–" }
    #expect(table.contains("optimizer.lr") && table.contains("0.002") && !table.contains("run.seed"))
    #expect(html.contains(">first</text>") && html.contains(">second</text>"))
    #expect(html.contains("data-run=\"1\""))
  }

  @Test func runsOfOneNameAreKeptApart() throws {
    let runs = [try MadeUpRun.whole(), try MadeUpRun.whole()]
    let report = try MadeUpRun.report([runs[0], runs[1], runs[0]])
    #expect(Set(report.runs.map(\.name)).count == 3)
    #expect(report.runs[0].name == report.runs[0].path)
  }

  @Test func whatIsNoRunIsRefused() throws {
    let folder = try TemporaryFolder()
    let none = #expect(throws: KelipError.self) { try RunReport([folder.path]) }
    #expect(none?.message.contains("no run") == true && none?.exitCode == .badInput)
    #expect(throws: KelipError.self) { try RunReport([folder.file("absent").path]) }
    try Data().write(to: folder.file("file"))
    #expect(throws: KelipError.self) { try RunReport([folder.file("file").path]) }
  }

  @Test func anEmptyRunHasAReport() throws {
    let run = try MadeUpRun()
    try run.write("", to: "metrics.jsonl")
    let report = try run.report
    #expect(report.runs[0].state == .notBegun && report.html.contains("No step is recorded yet."))
    #expect(report.runs[0].notes.count == 2)
    let other = try MadeUpRun.whole()
    #expect(try MadeUpRun.report([run, other]).html.contains("Side by side"))
  }

  @Test func damagedFilesAreNoted() throws {
    let run = try MadeUpRun.whole()
    try run.write("{\"step\": 4, \"valid", to: "evaluations/step-00000004.json")
    try run.write("no picture", to: "evaluations/latest.png")
    try run.write(": : :\n\t- {", to: "config.yaml")
    try run.write((1...2).map(MadeUpRun.line).joined() + "{\"step\": 3, \"lo", to: "metrics.jsonl")
    let report = try run.report
    #expect(report.runs[0].notes.count == 5, "\(report.runs[0].notes)")
    #expect(report.html.contains("class=\"notes\"") && !report.html.contains("data:image"))
  }

  @Test func programsGetTheFigures() throws {
    let run = try MadeUpRun.whole()
    let text = try run.report.json.text
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    let first = try #require((object?["runs"] as? [[String: Any]])?.first)
    let loss = (first["figures"] as? [String: [String: Any]])?["loss"]
    #expect(((loss?["last"] as? [String: Any])?["value"] as? NSNumber)?.doubleValue == 3.25)
    #expect((first["incidents"] as? [String: NSNumber])?["processes"] == 2)
    #expect(first["steps"] as? Int == 6 && first["total_steps"] as? Int == 8)
  }

  @Test func aHeldRunGoesOn() throws {
    let run = try MadeUpRun.whole()
    try run.write("", to: "lock")
    let lock = run.url.appendingPathComponent("lock")
    let descriptor = open(lock.path, O_RDWR)
    #expect(descriptor >= 0 && !FileLocks.isHeld(lock))
    #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0 && FileLocks.isHeld(lock))
    #expect(try run.report.runs[0].state == .running(step: 6))
    close(descriptor)
    #expect(try run.report.runs[0].state == .stopped(step: 6))
  }
}
