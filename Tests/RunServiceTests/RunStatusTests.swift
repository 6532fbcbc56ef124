import Basics
import Foundation
import TestFolders
import Testing

@testable import RunService

@Suite struct CurveTests {
  @Test(arguments: [1, 2, 7, 8, 9, 16, 17, 1000])
  func memoryIsBoundedAndTheNewestExact(count: Int) {
    var curve = Curve(capacity: 8)
    for step in 1...count { curve.add(step: step, value: Double(step)) }
    let points = curve.points(after: 0)
    #expect(points.count <= 9)
    #expect(points.last == Curve.Point(step: count, value: Double(count)))
    #expect(
      points.map(\.step) == points.map(\.step).sorted() && Set(points.map(\.step)).count == points.count)
    // Each but the newest is the mean of the steps since the one before.
    for (before, point) in zip([0] + points.map(\.step), points).dropLast() {
      let mean = Double((before + 1)...Int(point.step)).midpoint
      #expect(abs(point.value - mean) < 1e-9)
    }
  }

  @Test func pointsAfterAStep() {
    var curve = Curve(capacity: 8)
    #expect(curve.points(after: 0).isEmpty && curve.newest == nil)
    for step in 1...5 { curve.add(step: step * 10, value: Double(step)) }
    #expect(curve.points(after: 30).map(\.step) == [40, 50])
    #expect(curve.points(after: 29).map(\.step) == [30, 40, 50])
    #expect(curve.points(after: 50).isEmpty)
  }

  @Test func whatIsNotFiniteIsNewestOnly() {
    var curve = Curve(capacity: 4)
    curve.add(step: 1, value: 1)
    curve.add(step: 2, value: .nan)
    #expect(curve.newest?.value.isNaN == true)
    #expect(curve.points(after: 0) == [Curve.Point(step: 1, value: 1)])
    curve.add(step: 3, value: .infinity)
    curve.add(step: 4, value: 4)
    #expect(curve.points(after: 0).map(\.step) == [1, 4])
  }

  @Test func aStepBackBeginsAnewFromThere() {
    var curve = Curve(capacity: 8)
    for step in 1...6 { curve.add(step: step, value: 1) }
    curve.add(step: 4, value: 2)
    #expect(curve.points(after: 0).map(\.step) == [1, 2, 3, 4])
    #expect(curve.points(after: 3) == [Curve.Point(step: 4, value: 2)])
  }
}

extension ClosedRange<Double> {
  fileprivate var midpoint: Double { (lowerBound + upperBound) / 2 }
}

private func Double(_ range: ClosedRange<Int>) -> ClosedRange<Double> {
  Swift.Double(range.lowerBound)...Swift.Double(range.upperBound)
}

@Suite struct RunStatusTests {
  private func facts(total: Int = 100) -> RunFacts {
    RunFacts(
      name: "run", directory: "/run", model: "m", rankCount: 2, hosts: ["a"], globalBatchSize: 64,
      totalSteps: total, stages: ["contrastive"], startTime: 5, resumedAtStep: 0)
  }

  private func times(_ data: Double, _ compute: Double) -> RankTimes {
    RankTimes(dataSeconds: data, computeSeconds: compute, communicationSeconds: 0.5)
  }

  @Test func paceAndTimeLeftAreByTheClock() {
    let status = RunStatus()
    #expect(status.snapshot.secondsLeft == nil && status.snapshot.samplesPerSecond == nil)
    status.begin(facts())
    for step in 1...4 {
      status.add(step: step, values: [], ranks: [], at: 10 + 2 * Double(step), wallTime: Double(step))
      #expect((status.snapshot.secondsPerStep == nil) == (step == 1))
    }
    let snapshot = status.snapshot
    #expect(snapshot.secondsPerStep == 2 && snapshot.samplesPerSecond == 32)
    #expect(snapshot.secondsLeft == 192 && snapshot.lastStepTime == 4 && snapshot.step == 4)
    // Back to step 2: what was known of the pace is of other steps.
    status.add(step: 2, values: [], ranks: [], at: 30, wallTime: 9)
    #expect(status.snapshot.secondsPerStep == nil && status.snapshot.step == 2)
    status.add(step: 3, values: [], ranks: [], at: 33, wallTime: 9)
    #expect(status.snapshot.secondsPerStep == 3)
  }

  @Test func thePaceIsThatOfTheLastHundredSteps() {
    var pace = StepPace()
    for step in 1...500 { pace.add(step: step, time: Double(step) * (step <= 300 ? 5 : 1)) }
    #expect(pace.secondsPerStep == 1)
  }

  @Test func ranksAreAveragedAndTheSlowestIsKnown() {
    let status = RunStatus()
    #expect(status.snapshot.slowestRank == nil && status.snapshot.skewSeconds == 0)
    status.add(step: 1, values: [], ranks: [times(0.1, 1)])
    #expect(status.snapshot.slowestRank == nil && status.snapshot.skewSeconds == 0)
    status.add(step: 2, values: [], ranks: [times(0.1, 1), times(0.3, 2), times(0, 1)])
    #expect(status.snapshot.slowestRank == 1)
    #expect(abs(status.snapshot.skewSeconds - 1.3) < 1e-12)
    for step in 3...300 {
      status.add(step: step, values: [], ranks: [times(0.1, 1), times(0.1, 1), times(0, 4)])
    }
    #expect(status.snapshot.slowestRank == 2)
    #expect(abs(status.snapshot.rankTimes[2].computeSeconds - 4) < 1e-6)
    status.add(step: 301, values: [], ranks: [times(.nan, 1), times(0.1, 1), times(0, 4)])
    #expect(abs(status.snapshot.rankTimes[0].dataSeconds - 0.1) < 1e-6)
  }

  @Test func historiesAreBoundedAndCounted() {
    let status = RunStatus()
    for step in 1...(RunStatus.historyCount + 3) {
      status.note(
        CheckpointEvent(step: step, seconds: 1, stallSeconds: 0, failure: step % 2 == 0 ? "full" : nil))
      status.note(incident: "i", step: step, level: .error)
      status.add(step: step, values: [("n\(step)", 1), ("loss", 1)], ranks: [])
    }
    let snapshot = status.snapshot
    #expect(snapshot.checkpoints.count == RunStatus.historyCount && snapshot.checkpoints[0].event.step == 4)
    #expect(snapshot.savedCount == 102 && snapshot.failedSaveCount == 101)
    #expect(snapshot.incidents.count == RunStatus.historyCount && snapshot.incidentCounts == [.error: 203])
    #expect(snapshot.curves.count == RunStatus.curveCount && snapshot.curves[1].name == "loss")
    #expect(snapshot.curves[1].curve.newest?.step == 203)
  }

  @Test func readersAndTheTrainingThreadDoNotMeet() async {
    let status = RunStatus()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for step in 1...3000 { status.add(step: step, values: [("loss", Double(step))], ranks: []) }
      }
      group.addTask {
        for _ in 0..<300 {
          let snapshot = status.snapshot
          #expect((snapshot.curves.first?.curve.newest?.step ?? 0) == snapshot.step)
        }
      }
    }
    #expect(status.snapshot.step == 3000)
  }
}

@Suite struct MetricsHistoryTests {
  private func loaded(_ text: String) throws -> RunSnapshot {
    let folder = try TemporaryFolder()
    try Data(text.utf8).write(to: folder.file("metrics.jsonl"))
    let status = RunStatus()
    try status.load(metrics: folder.file("metrics.jsonl"))
    return status.snapshot
  }

  @Test func numbersAreTakenAndTheRestIsNot() throws {
    let snapshot = try loaded(
      """
      {"step": 1, "loss": 4.5, "updated": true, "stage": "mae", "component_epochs": {"a": 1}, "lr": 1e-3}
      {"step": 2, "loss": null, "updated": false, "lr": 2}
      torn
      {"loss": 3}
      {"step": 3, "loss": 3}
      {"step": 4, "lo
      """)
    #expect(snapshot.step == 3)
    #expect(snapshot.curves.map(\.name) == ["loss", "lr"])
    #expect(snapshot.curves[0].curve.points(after: 0).map(\.step) == [1, 3])
    #expect(snapshot.curves[1].curve.newest?.value == 2)
  }

  @Test(arguments: ["", "\n", "torn"])
  func nothing(text: String) throws { #expect(try loaded(text).curves.isEmpty) }

  @Test func noFileIsNoHistory() throws {
    let status = RunStatus()
    try status.load(metrics: TemporaryFolder().file("absent"))
    #expect(status.snapshot.step == 0)
  }

  @Test func aLongFileIsReadInPartsAndItsEndWhole() throws {
    let lines = (1...30_000).map { "{\"step\": \($0), \"loss\": \($0)}\n" }
    let snapshot = try loaded(lines.joined())
    let points = snapshot.curves[0].curve.points(after: 0)
    #expect(snapshot.step == 30_000 && points.count <= 2001)
    #expect(points.last == Curve.Point(step: 30_000, value: 30_000))
    #expect(points.first!.step < 100)
  }
}
