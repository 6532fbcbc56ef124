import Basics
import Collectives
import Foundation
import ShardStream
import Testing
import TinyRun

@testable import Training

/// Shards of which much is bad: what is recorded of it, and when a run stops.
@Suite struct BadSampleTests {
  /// 23 good pairs in three shards, and a fourth shard with `bad` pairs whose captions are empty.
  private func tiny(bad: Int, cut: Bool = false) throws -> TinyRun {
    let tiny = try TinyRun()
    let path = tiny.path("train/3.tar")
    let tar = try TarWriter(path: path)
    for number in 0..<bad {
      try tar.append(name: "bad\(number).png", bytes: [1, 2, 3])
      try tar.append(name: "bad\(number).txt", bytes: [])
    }
    try tar.finish()
    // A pair takes three blocks; the cut goes through the last picture.
    let place = UInt64(1536 * (bad - 1) + 513)
    if cut { try FileHandle(forUpdating: tiny.url("train/3.tar")).truncate(atOffset: place) }
    return tiny
  }

  private func quarantine(_ run: String, _ tiny: TinyRun) throws -> [String] {
    try String(contentsOf: tiny.url(run).appendingPathComponent("quarantine.jsonl"), encoding: .utf8)
      .split(separator: "\n").map(String.init)
  }

  @Test(arguments: [1, 2, 3]) func aRunStopsAtTheSameStepOnAnyNumberOfRanks(worldSize: Int) throws {
    let tiny = try tiny(bad: 15)
    let outcomes = try outcomes(
      tiny, worldSize: worldSize, "data.max_bad_fraction=0.3", "data.max_bad_fraction_after=20")
    let told = try outcomes.map { try #require(throws: KelipError.self, performing: $0.get) }
    #expect(Set(told.map(\.description)).count == 1)
    #expect(told.allSatisfy { $0.isAgreed && $0.exitCode == .badInput })
    let lines = try quarantine("run", tiny)
    let run = try tiny.finished("run")
    #expect(told[0].location == "step \(run.steps.last!)" && run.steps.last! < 8)
    let drawn = lines.count + 6 * run.steps.count
    #expect(told[0].message.hasPrefix("\(lines.count) of \(drawn) samples drawn"))
    #expect(told[0].message.hasSuffix("allows (0.3): \(lines.count) × caption_empty"))
    #expect(told[0].hint!.contains("\(lines.count) × \(tiny.path("train/3.tar"))"))
    #expect(drawn >= 20 && Double(lines.count) > 0.3 * Double(drawn))
    // The step before was within the limit, or too early to tell.
    let before = lines.filter { !$0.contains("\"step\": \(run.steps.last!),") }.count
    let drawnBefore = before + 6 * (run.steps.count - 1)
    #expect(drawnBefore < 20 || Double(before) <= 0.3 * Double(drawnBefore))
    // With the limit raised it goes on from there.
    #expect(try tiny.train("run", "data.max_bad_fraction=1", worldSize: worldSize)[0] == .done)
    #expect(try tiny.finished("run").steps == Array(1...8))
  }

  private func outcomes(
    _ tiny: TinyRun, worldSize: Int, _ overrides: String...
  ) throws -> [Result<ExitCode, any Error>] {
    let options = WorkerOptions(
      configPath: try tiny.writeConfig("run"), overrides: overrides, resume: .auto, acceptConfigChange: false,
      dryRun: false)
    return ThreadedCommunicator.runCollecting(worldSize: worldSize) { try Worker.run(options, $0) }
  }

  @Test func tooFewSamplesTellNothing() throws {
    let tiny = try tiny(bad: 15)
    #expect(try tiny.train("run", "data.max_bad_fraction=0") == [.done])
    #expect(try !quarantine("run", tiny).isEmpty)
  }

  @Test(arguments: [1, 2]) func damageOfAShardIsWrittenOnce(worldSize: Int) throws {
    let tiny = try tiny(bad: 3, cut: true)
    try tiny.train("run", "checkpoint.every_steps=3", worldSize: worldSize)
    for step in [6, 8] { try FileManager.default.removeItem(at: checkpoint(step, in: tiny.url("run"))) }
    try tiny.train("run", "checkpoint.every_steps=3", worldSize: worldSize)
    let lines = try quarantine("run", tiny)
    let path = tiny.path("train/3.tar")
    #expect(
      lines[0].hasPrefix(#"{"step": 0, "shard": "\#(path)", "reason": "tar_truncated_member", "detail": "#))
    #expect(lines.filter { $0.contains("\"step\": 0,") && $0.contains("tar_") }.count == 1)
    // From the start again, everything is written anew.
    for step in [3, 6, 8] { try FileManager.default.removeItem(at: checkpoint(step, in: tiny.url("run"))) }
    try tiny.train("run", worldSize: worldSize)
    #expect(try quarantine("run", tiny).sorted() == lines.sorted())
  }

  @Test func keysWithAnyCharacterStayWhole() throws {
    let samples = [
      BadSample(step: 1, key: "a\u{0}b\n\"c\u{1F600}", shard: "x y.tar", reason: "image_empty"),
      BadSample(step: 2, key: "", shard: "", reason: ""),
    ]
    #expect(try BadSample.decode(BadSample.encode(samples)) == samples)
    #expect(try BadSample.decode(BadSample.encode([])).isEmpty)
    let line = try JSONSerialization.jsonObject(with: Data(samples[0].line.text.utf8)) as? [String: Any]
    #expect(line?["key"] as? String == samples[0].key && line?["step"] as? Int == 1)
  }
}

@Suite struct BadSampleTallyTests {
  private func tally(used: Int, bad: Int) -> BadSampleTally {
    var tally = BadSampleTally()
    let samples = (0..<bad).map {
      BadSample(step: 1, key: "\($0)", shard: "\($0 % 7).tar", reason: $0 % 3 == 0 ? "b" : "a")
    }
    tally.add(used: used, bad: samples)
    return tally
  }

  @Test(arguments: [
    (90, 10, 0.1, 100, false), (89, 11, 0.1, 100, true), (88, 11, 0.1, 100, false), (1, 0, 0, 1, false),
    (99, 1, 0, 100, true), (0, 100, 1, 1, false), (0, 0, 0, 1, false),
  ])
  func theShareIsOfAllDrawn(used: Int, bad: Int, fraction: Double, minimum: Int, stops: Bool) {
    let verdict = tally(used: used, bad: bad).verdict(fraction: fraction, minimum: minimum, step: 3)
    #expect((verdict != nil) == stops)
  }

  @Test func theMessageRanksReasonsAndShards() {
    let error = tally(used: 11, bad: 10).verdict(fraction: 0.25, minimum: 1, step: 3)!
    #expect(error.message.hasPrefix("10 of 21 samples drawn could not be used (47.6 %)"))
    #expect(error.message.hasSuffix("allows (0.25): 6 × a, 4 × b"))
    #expect(error.hint!.hasPrefix("worst shards: 2 × 0.tar, 2 × 1.tar, 2 × 2.tar; "))
    #expect(error.location == "step 3")
  }

  private func check(damaged: Int, of shards: Int, groups: Int, samples: Int, fraction: Double) -> KelipError?
  {
    var findings = (0..<damaged).map { ShardFinding(shard: "\($0).tar", reason: "tar_bad_size", detail: "d") }
    if groups > 0 {
      findings.append(ShardFinding(shard: "g.tar", reason: "missing_text", count: groups, keys: ["a"]))
    }
    let check = ShardFindingCheck(
      findings: findings, shardCount: shards, sampleCount: samples, fraction: fraction, minimum: 100)
    do { try check() } catch { return error as? KelipError }
    return nil
  }

  @Test func manyDamagedShardsStopARunBeforeItBegins() {
    #expect(check(damaged: 9, of: 9, groups: 0, samples: 5, fraction: 0) == nil)
    #expect(check(damaged: 10, of: 100, groups: 0, samples: 5, fraction: 0.1) == nil)
    let error = check(damaged: 11, of: 100, groups: 0, samples: 5, fraction: 0.1)
    #expect(error?.message.hasPrefix("11 of 100 shards are damaged (11.0 %)") == true)
    #expect(error?.message.hasSuffix("11 × tar_bad_size") == true && error?.exitCode == .badInput)
  }

  @Test func manyGroupsThatAreNoSamplesDoSoToo() {
    #expect(check(damaged: 0, of: 1, groups: 98, samples: 1, fraction: 0.1) == nil)
    #expect(check(damaged: 0, of: 1, groups: 10, samples: 90, fraction: 0.1) == nil)
    let error = check(damaged: 0, of: 1, groups: 11, samples: 89, fraction: 0.1)
    #expect(error?.message.hasPrefix("11 of 100 groups of members are no samples (11.0 %)") == true)
    #expect(error?.hint?.contains("11 × g.tar") == true)
  }

  @Test func aFindingIsALineOfStepZero() {
    let group = ShardFinding(shard: "a.tar", reason: "missing_text", count: 2, keys: ["x", "\"y\""])
    #expect(
      group.line.text
        == #"{"step": 0, "shard": "a.tar", "reason": "missing_text", "count": 2, "keys": ["x", "\"y\""]}"#)
  }
}
