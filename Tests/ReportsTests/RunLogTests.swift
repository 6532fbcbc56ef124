import Foundation
import Testing

@testable import Reports

@Suite struct RunLogTests {
  private func log(_ text: String) throws -> RunLog {
    let run = try MadeUpRun()
    try run.write(text, to: "run.log")
    return try run.read("run.log", RunLog.init)
  }

  @Test func processesAreToldApart() throws {
    let log = try log(MadeUpRun.log)
    #expect(log.sessions.map(\.rankCount) == [2, 3] && log.sessions.map(\.resumedAt) == [0, 4])
    #expect(log.sessions.map(\.end) == [nil, .stopped(step: 6)])
    #expect(log.sessions.map(\.wallSeconds) == [40, 60])
    #expect(log.sessions.map(\.steps) == [1..<5, 5..<Int.max])
    #expect(log.sessions[1].parameterCount == 1_408_481)
  }

  @Test func stepsBelongToTheLastThatDidThem() throws {
    let starts = [0, 40, 20, 20].map { step in
      let head = step == 0 ? "starting stage mae" : "resuming from step-\(step) stage contrastive"
      return
        "2026-11-22T18:00:00Z compute: x\n2026-11-22T18:00:00Z \(head) on 1 ranks, 2 pairs a step, 3 parameters, 1 of them trained\n"
    }
    #expect(try log(starts.joined()).sessions.map(\.steps) == [1..<21, 21..<21, 21..<21, 21..<Int.max])
  }

  @Test func messagesThatDifferInNumbersAreOneGroup() throws {
    let log = try log(MadeUpRun.log)
    #expect(log.warnings.groups.map(\.count) == [2, 1, 1] && log.warnings.count == 4)
    #expect(log.warnings.count(.warning) == 3 && log.warnings.count(.error) == 1)
    #expect(log.warnings.groups[1].message.text.hasSuffix("\n  → make room"))
    #expect(log.rollbacks.count == 1 && log.failedSaves.count == 1)
    #expect(log.sessions[0].returns == [2])
  }

  @Test func linesOfOtherRanksAndOfNobodyAreTaken() throws {
    let log = try log(
      "torn line\n2026-11-22T18:00:00Z [rank 3] warning: slow\n  2\n2026-11-22T18:00:01Z data: warning: no\n\n"
    )
    #expect(log.warnings.groups.map(\.message.text) == ["[rank 3] slow\n  2"])
    #expect(log.sessions.isEmpty && log.lineCount == 5)
    #expect(try self.log("").sessions.isEmpty)
  }

  @Test func quarantineIsCountedByReason() throws {
    let run = try MadeUpRun.whole()
    let found = try run.read("quarantine.jsonl", Quarantine.init)
    #expect(found.sampleCount == 4 && found.reasons.map(\.name) == ["missing_text", "image_corrupt"])
    #expect(found.reasons[0].examples == ["k<1> in s.tar"] && found.notes.count == 1)
    #expect(try run.read("absent", Quarantine.init).reasons.isEmpty)
  }

  @Test func checkpointsAreListedWithTheirSizes() throws {
    let list = try MadeUpRun.whole().read { CheckpointList(root: $0) }
    #expect(list.entries == [.init(name: "step-00000004", step: 4, byteCount: 1502, isWhole: true)])
    #expect(list.latest == "step-00000004" && list.best == "step-00000002")
    #expect(list.unfinishedNames == ["step-00000006.partial-7-1"])
  }

  @Test func configurationIsFlattenedInOrder() throws {
    let config = try MadeUpRun.whole().read("config.yaml", ConfigText.init)
    #expect(
      config.values.map(\.key) == [
        "stages", "run.seed", "model.config", "data.train", "optimizer.steps", "optimizer.lr",
      ])
    #expect(config["data.train"] == "[a, b]" && config["optimizer.lr"] == "0.001" && config.totalSteps == 8)
    #expect(config["model.config"] == "한국어 <b>&amp; | model.yaml")
    let bad = try MadeUpRun()
    try bad.write("a: [1\nb: }", to: "config.yaml")
    #expect(bad.read("config.yaml", ConfigText.init).notes.count == 1)
  }

  @Test func aliasesOfAliasesAreNoted() throws {
    let run = try MadeUpRun()
    let rows = (1...20).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1), *a\($0 - 1)]\n" }
    try run.write("a0: &a0 [1]\n" + rows.joined(), to: "config.yaml")
    let config = run.read("config.yaml", ConfigText.init)
    #expect(config.notes.count == 1 && config.values.isEmpty)
  }
}
