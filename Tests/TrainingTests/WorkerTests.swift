import Basics
import Collectives
import Foundation
import Testing
import TestSupport
import TinyRun
import Tokenization

@testable import Training

@Suite struct WorkerTests {
  /// One run alone, to which all others are held.
  private static let shared = Result { () -> TinyRun in
    let tiny = try TinyRun()
    try tiny.train("alone")
    return tiny
  }

  private func tiny() throws -> TinyRun { try Self.shared.get() }

  @Test func aRunLeavesItsRecords() throws {
    let run = try tiny().finished("alone")
    #expect(run.steps == Array(1...8))
    #expect(run.values("samples_seen") == (1...8).map { Double(6 * $0) })
    // 23 pairs: the fourth batch of six holds the last five of an epoch and the first of the next.
    #expect(run.values("epoch") == [0, 0, 0, 0, 1, 1, 1, 1])
    #expect(run.keys.count == 8 && run.keys.allSatisfy { $0.count == 6 })
    #expect(Set(run.keys[..<3].joined()).count == 18 && Set(run.keys[..<4].joined()).count == 23)
    #expect(run.values("loss").count == 8 && run.values("grad_norm").allSatisfy { $0 > 0 })
    #expect(run.values("lr")[0] == 5e-4 && run.values("lr")[1] == 1e-3)
    let names = try FileManager.default.contentsOfDirectory(atPath: run.folder.path)
    #expect(
      Set(names)
        == [
          "checkpoints", "config.yaml", "lock", "metrics.jsonl", "quarantine.jsonl", "run.log",
          "samples.jsonl", "tensorboard",
        ])
    #expect(try Data(contentsOf: run.folder.appendingPathComponent("quarantine.jsonl")).isEmpty)
  }

  @Test(arguments: [1, 2, 3]) func everyWorldSeesTheSamePairsAndLosses(worldSize: Int) throws {
    let tiny = try tiny()
    let codes = try tiny.train("world-\(worldSize)", worldSize: worldSize)
    #expect(codes == Array(repeating: .done, count: worldSize))
    let (alone, run) = (try tiny.finished("alone"), try tiny.finished("world-\(worldSize)"))
    #expect(run.keys == alone.keys)
    #expect(mismatch(run.values("loss"), alone.values("loss"), tolerance: 1e-5) == nil)
    #expect(mismatch(run.values("grad_norm"), alone.values("grad_norm"), tolerance: 1e-3) == nil)
    #expect(run.values("lr") == alone.values("lr"))
  }

  @Test func bf16StaysCloseToFP32() throws {
    let tiny = try tiny()
    try tiny.train("bf16", "model.precision=bf16")
    let (alone, run) = (try tiny.finished("alone"), try tiny.finished("bf16"))
    #expect(run.keys == alone.keys)
    #expect(mismatch(run.values("loss"), alone.values("loss"), tolerance: 2e-2) == nil)
    #expect(run.values("loss") != alone.values("loss"))
  }

  /// A kill after the checkpoint of step 3: later lines of the records are there, later checkpoints are not.
  @Test(arguments: [1, 2]) func aResumedRunEqualsTheUnbrokenOne(worldSize: Int) throws {
    let tiny = try tiny()
    try tiny.train("unbroken-\(worldSize)", worldSize: worldSize)
    let name = "resumed-\(worldSize)"
    try tiny.train(name, "checkpoint.every_steps=3", worldSize: worldSize)
    for step in [6, 8] { try FileManager.default.removeItem(at: checkpoint(step, in: tiny.url(name))) }
    try tear(tiny.url(name).appendingPathComponent("metrics.jsonl"))
    try tiny.train(name, "checkpoint.every_steps=1000", worldSize: worldSize)
    let (unbroken, run) = (try tiny.finished("unbroken-\(worldSize)"), try tiny.finished(name))
    #expect(run.steps == Array(1...8))
    #expect(run.comparableMetrics == unbroken.comparableMetrics)
    #expect(run.keys == unbroken.keys)
    #expect(try run.weights(step: 8) == unbroken.weights(step: 8))
    #expect(try run.moments(step: 8) == unbroken.moments(step: 8))
  }

  @Test func anotherWorldMayGoOn() throws {
    let tiny = try tiny()
    try tiny.train("moved", "checkpoint.every_steps=3", worldSize: 3)
    for step in [6, 8] { try FileManager.default.removeItem(at: checkpoint(step, in: tiny.url("moved"))) }
    try tiny.train("moved", worldSize: 2)
    let (alone, run) = (try tiny.finished("alone"), try tiny.finished("moved"))
    #expect(run.keys == alone.keys)
    #expect(mismatch(run.values("loss"), alone.values("loss"), tolerance: 1e-5) == nil)
  }

  @Test func aFinishedRunIsLeftAlone() throws {
    let tiny = try tiny()
    try tiny.train("twice")
    let before = try tiny.finished("twice").comparableMetrics
    #expect(try tiny.train("twice") == [.done])
    #expect(try tiny.finished("twice").comparableMetrics == before)
  }

  @Test(arguments: [1, 2]) func lossesThatAreNeverFiniteEndTheRun(worldSize: Int) throws {
    let tiny = try tiny()
    let weights = try NaNWeights(tiny.url("nan-\(worldSize).safetensors"))
    let error = #expect(throws: KelipError.self) {
      try tiny.train(
        "nan-\(worldSize)", "model.init_from=\(weights.path)", "optimizer.steps=12", worldSize: worldSize)
    }
    #expect(error?.exitCode == .fatal && error?.isAgreed == true && error?.location == "step 10")
    let run = try tiny.finished("nan-\(worldSize)")
    #expect(run.steps == Array(1...10))
    #expect(run.metrics.allSatisfy { $0["loss"] is NSNull && $0["updated"] as? Bool == false })
  }

  @Test(arguments: ["configuration", "model file", "tokenizer", "list of shards", ""], [2, 3])
  func ranksThatHaveReadOtherFilesAreFound(part: String, worldSize: Int) throws {
    let tiny = try TinyRun(sampleCount: 12)
    let config = try tiny.writeConfig("run")
    let leaders = try RunPlan(TrainConfig(contentsOf: config), SoloCommunicator())
    switch part {
    case "model file":
      try Data(TinyRun.model.replacingOccurrences(of: "embed_dim: 24", with: "embed_dim: 20").utf8)
        .write(to: tiny.url("model.yaml"))
    case "tokenizer":
      try BytePairTrainer(vocabSize: 280).train(on: ["other words"]).json().write(
        to: tiny.url("tokenizer.json"))
    case "list of shards": try FileManager.default.removeItem(at: tiny.url("train/1.tar"))
    default: break
    }
    let overrides = part == "configuration" ? ["optimizer.lr=1"] : ["parallel.threads_per_rank=2"]
    let last = try RunPlan(TrainConfig(contentsOf: config, overrides: overrides), SoloCommunicator())
    let outcomes = ThreadedCommunicator.runCollecting(worldSize: worldSize) {
      try ($0.rank == worldSize - 1 ? last : leaders).checkSame(on: $0)
    }
    for outcome in outcomes {
      guard !part.isEmpty else {
        try outcome.get()
        continue
      }
      let error = #expect(throws: KelipError.self) { try outcome.get() }
      #expect(error?.message == "rank \(worldSize - 1) has read another \(part) than rank 0")
      #expect(error?.isAgreed == true)
    }
  }

  @Test func aDryRunLeavesNothing() throws {
    let tiny = try tiny()
    #expect(try tiny.train("dry", worldSize: 2, dryRun: true) == [.done, .done])
    #expect(!FileManager.default.fileExists(atPath: tiny.path("dry")))
  }

  @Test(arguments: [
    ("data.train=/absent", "/absent"), ("data.tokenizer=/absent.json", "/absent.json"),
    ("model.config=/absent.yaml", "/absent.yaml"), ("data.global_batch_size=7", "data.global_batch_size"),
    ("data.global_batch_size=600", "data.global_batch_size"), ("model.init_from=/absent.st", "/absent.st"),
    ("optimizer.lrr=1", "optimizer.lrr"), ("data.canonical_streams=5", "data.canonical_streams"),
  ])
  func badInputIsAgreedOn(override: String, place: String) throws {
    let tiny = try tiny()
    let name = "bad-\(place.filter(\.isLetter))-\(override.count)"
    let options = WorkerOptions(
      configPath: try tiny.writeConfig(name), overrides: [override], resume: .auto, acceptConfigChange: false,
      dryRun: false)
    let outcomes = ThreadedCommunicator.runCollecting(worldSize: 2) { try Worker.run(options, $0) }
    for outcome in outcomes {
      let error = #expect(throws: KelipError.self) { try outcome.get() }
      #expect(error?.isAgreed == true && error?.exitCode == .badInput)
      #expect(error?.location?.contains(place) == true, "\(error.map(String.init(describing:)) ?? "")")
    }
  }

  /// Leaves the first half of the file's last line.
  private func tear(_ url: URL) throws {
    let data = try Data(contentsOf: url)
    try data.dropLast(40).write(to: url)
  }
}
