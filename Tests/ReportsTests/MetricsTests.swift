import Basics
import Foundation
import Testing

@testable import Reports

@Suite struct MetricsTests {
  private func table(_ text: String, sessions: [Range<Int>] = []) throws -> MetricsTable {
    let run = try MadeUpRun()
    try run.write(text, to: "metrics.jsonl")
    return try run.read("metrics.jsonl") { try MetricsTable($0, sessions: sessions) }
  }

  @Test func lastAndBestValuesAreThoseOfTheFile() throws {
    let metrics = try table((1...6).map(MadeUpRun.line).joined())
    let loss = try #require(metrics.column("loss"))
    #expect(loss.last == .init(step: 6, value: 3.25) && loss.smallest == .init(step: 6, value: 3.25))
    #expect(loss.largest == .init(step: 1, value: 5.641692485861498))
    #expect(loss.count == 6 && loss.missingCount == 1)
    #expect(metrics.skippedSteps == [4] && metrics.skippedCount == 1)
    #expect(metrics.column("validation_score")?.last == .init(step: 4, value: 0.042067307692307696))
    #expect(metrics.notes.isEmpty && metrics.stepCount == 6 && metrics.lastStep == 6)
  }

  @Test func aLastValueThatIsNullStaysNull() throws {
    let metrics = try table((1...4).map(MadeUpRun.line).joined())
    #expect(metrics.column("loss")?.last == .init(step: 4, value: nil))
    let entry = try #require(KeyFigures(metrics, run: 0)["loss"])
    #expect(entry.last.exactText == "null" && Cell(entry.last).text == "not finite")
    #expect(entry.best?.exactText == "4.123456789012345")
  }

  @Test func faultyLinesAreLeftOutAndCounted() throws {
    let lines = ["{\"step\": 1, \"loss\": 1}", "{\"step\": 0, \"loss\": 9}", "{\"loss\": 9}", "garbage", ""]
    let again = ["{\"step\": 3, \"loss\": 3}", "{\"step\": 3, \"loss\": 9}", "{\"step\": 2.5, \"loss\": 9}"]
    let metrics = try table((lines + again).joined(separator: "\n") + "\n{\"step\": 4, \"lo")
    #expect(metrics.stepCount == 2 && metrics.column("loss")?.sum == 4)
    #expect(metrics.notes.count == 3)
    #expect(metrics.notes.contains { $0.contains("has no end") })
    #expect(
      metrics.notes.contains { $0.hasPrefix("5 lines") } && metrics.notes.contains { $0.hasPrefix("1 line ") }
    )
  }

  @Test func keysMayComeAndGo() throws {
    let metrics = try table(
      """
      {"step": 1, "mae_loss": 1, "lr": 1, "stage": "mae"}
      {"step": 2, "loss": 2, "lr": 2, "stage": "contrastive", "component_epochs": {"a b": 0.5}}
      {"step": 3, "lr": 3, "loss": null}

      """)
    #expect(metrics.column("lr")?.sum == 6 && metrics.column("mae_loss")?.count == 1)
    #expect(metrics.column("component_epochs.a b")?.last?.value == 0.5)
    #expect(metrics.column("loss")?.missingCount == 1 && metrics.lastStage == "contrastive")
  }

  @Test func eachProcessHasItsSteps() throws {
    let metrics = try table((1...6).map(MadeUpRun.line).joined(), sessions: [1..<3, 0..<0, 3..<Int.max])
    #expect(metrics.sessionPaces.map(\.stepCount) == [2, 0, 4])
    #expect(metrics.sessionPaces[2].samplesPerSecond([0.5]) == [450])
    #expect(metrics.pace.stepSeconds == 3 && metrics.pace.dataSeconds == 0.75)
  }

  @Test func anEmptyFileAndNoFileAreNoSteps() throws {
    #expect(try table("").stepCount == 0)
    let absent = try MetricsTable(URL(fileURLWithPath: "/nowhere/metrics.jsonl"))
    #expect(absent.stepCount == 0 && absent.notes.count == 1)
  }

  @Test func manyValidationsAreThinned() {
    var history = ValidationHistory(capacity: 8)
    for step in 1...100 { history.add(step, [("loss", 1), ("validation_score", Double(step))]) }
    #expect(history.entries.count <= 8 && history.seenCount == 100 && history.stride == 16)
    #expect(history.entries.allSatisfy { $0.values == ["validation_score": Double($0.step)] })
  }
}
