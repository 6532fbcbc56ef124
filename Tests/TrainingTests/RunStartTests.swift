import Basics
import Checkpointing
import Collectives
import Foundation
import RunService
import Testing
import TinyRun

@testable import Training

@Suite struct RunStartTests {
  /// A run with checkpoints of steps 2 and 4.
  private func tinyWithCheckpoints() throws -> TinyRun {
    let tiny = try TinyRun(sampleCount: 7)
    try tiny.train("run", "optimizer.steps=4", "checkpoint.every_steps=2")
    return tiny
  }

  @Test func aSecondRunIsRefusedOnEveryRank() throws {
    let tiny = try TinyRun(sampleCount: 7)
    let directory = RunDirectory(tiny.path("run"))
    try directory.create()
    let lock = try RunLock(at: directory.lock)
    let error = #expect(throws: KelipError.self) { try tiny.train("run", worldSize: 2) }
    withExtendedLifetime(lock) {}
    #expect(error?.message.contains("another run holds this directory") == true)
    #expect(error?.isAgreed == true && error?.exitCode == .badInput)
    #expect(try FileManager.default.contentsOfDirectory(atPath: tiny.path("run")) == ["lock"])
  }

  @Test func neverNeedsADirectoryWithoutCheckpoints() throws {
    let tiny = try tinyWithCheckpoints()
    let error = #expect(throws: KelipError.self) {
      try tiny.train("run", "optimizer.steps=4", resume: .never)
    }
    #expect(error?.location == tiny.path("run") && error?.hint?.contains("--resume auto") == true)
    #expect(try tiny.train("fresh", "optimizer.steps=1", resume: .never) == [.done])
  }

  @Test func goingBackWithinARunIsRefused() throws {
    let tiny = try tinyWithCheckpoints()
    let older = checkpoint(2, in: tiny.url("run"))
    let error = #expect(throws: KelipError.self) {
      try tiny.train("run", "optimizer.steps=4", "checkpoint.every_steps=2", resume: .from(older.path))
    }
    #expect(
      error?.message.contains("step-00000004") == true && error?.message.contains("step-00000002") == true)
    #expect(error?.hint?.contains("move or remove them") == true)
    // With the newer one gone it goes on.
    let before = try tiny.finished("run")
    try FileManager.default.removeItem(at: checkpoint(4, in: tiny.url("run")))
    try tiny.train("run", "optimizer.steps=4", "checkpoint.every_steps=2", resume: .from(older.path))
    #expect(try tiny.finished("run").comparableMetrics == before.comparableMetrics)
  }

  @Test func whatIsShownEndsWhereTheRunGoesOn() throws {
    let tiny = try tinyWithCheckpoints()
    let directory = RunDirectory(tiny.path("run"))
    let config = try TrainConfig(contentsOf: try tiny.writeConfig("run"), overrides: ["optimizer.steps=4"])
    let plan = try RunPlan(config, SoloCommunicator())
    let state = try RunCheckpoint.state(checkpoint(2, in: directory.root))
    // As after a kill between steps 4 and 5: the records are ahead of the checkpoint.
    #expect(try tiny.finished("run").steps == [1, 2, 3, 4])
    let session = try RunSession(
      plan, directory, state, fresh: state, SoloCommunicator(), RunLogHandler.logger(rank: 0))
    let shown = try #require(session.display?.status.snapshot)
    #expect(shown.step == 2 && shown.facts?.resumedAtStep == 2)
    let loss = try #require(shown.curves.first { $0.name == "loss" })
    #expect(loss.curve.points(after: 0).map(\.step) == [1, 2])
  }

  @Test func theNewestCheckpointMayBeNamed() throws {
    let tiny = try tinyWithCheckpoints()
    let newest = checkpoint(4, in: tiny.url("run"))
    let link = tiny.url("link")
    try FileManager.default.createSymbolicLink(at: link, withDestinationURL: tiny.url("run"))
    for path in [newest.path, newest.path + "/", checkpoint(4, in: link).path] {
      #expect(try tiny.train("run", "optimizer.steps=4", resume: .from(path)) == [.done])
    }
  }

  @Test func anotherDirectoryMayTakeARunOn() throws {
    let tiny = try tinyWithCheckpoints()
    let older = checkpoint(2, in: tiny.url("run"))
    try tiny.train("branch", "optimizer.steps=4", resume: .from(older.path))
    let (run, branch) = (try tiny.finished("run"), try tiny.finished("branch"))
    #expect(branch.comparableMetrics == Array(run.comparableMetrics.suffix(2)))
    #expect(try branch.weights(step: 4) == run.weights(step: 4))
    // The other run's configuration counts.
    let error = #expect(throws: KelipError.self) {
      try tiny.train("other", "optimizer.steps=4", "optimizer.lr=1", resume: .from(older.path))
    }
    #expect(error?.message.contains("optimizer.lr: 0.001 → 1.0") == true)
    #expect(error?.location == tiny.path("run/config.yaml"))
  }

  @Test func aChangedConfigurationIsRefusedUnlessAccepted() throws {
    let tiny = try tinyWithCheckpoints()
    let error = #expect(throws: KelipError.self) {
      try tiny.train("run", "optimizer.steps=6", "optimizer.lr=2e-3")
    }
    #expect(error?.message.contains("optimizer.steps: 4 → 6") == true)
    #expect(error?.message.contains("optimizer.lr: 0.001 → 0.002") == true)
    #expect(error?.hint?.contains("--accept-config-change") == true)
    try tiny.train("run", "optimizer.steps=6", "optimizer.lr=2e-3", acceptConfigChange: true)
    #expect(try tiny.finished("run").steps == Array(1...6))
    // From now on the new configuration is the run's.
    #expect(try tiny.train("run", "optimizer.steps=6", "optimizer.lr=2e-3") == [.done])
  }

  @Test func shardsWithOtherNumbersOfSamplesAreRefusedUnlessAccepted() throws {
    let tiny = try tinyWithCheckpoints()
    let shard = tiny.url("train/2.tar")
    let bytes = try Data(contentsOf: shard)
    // Touched and written again it is the same.
    try bytes.write(to: shard)
    #expect(try tiny.train("run", "optimizer.steps=4") == [.done])
    // The first shard has one more.
    try Data(contentsOf: tiny.url("train/0.tar")).write(to: shard)
    let error = #expect(throws: KelipError.self) { try tiny.train("run", "optimizer.steps=4") }
    #expect(error?.location == "data.train" && error?.message.contains("numbers of samples") == true)
    #expect(error?.hint?.contains("--accept-config-change") == true)
    #expect(try tiny.train("run", "optimizer.steps=4", acceptConfigChange: true) == [.done])
  }

  @Test(arguments: ["Auto", "absent/step-00000001"]) func notACheckpoint(path: String) throws {
    let tiny = try TinyRun(sampleCount: 7)
    let error = #expect(throws: KelipError.self) { try tiny.train("run", resume: .from(tiny.path(path))) }
    #expect(error?.location?.contains(path) == true)
    #expect(error?.hint?.contains("--resume takes auto, never") == true)
  }

  @Test func aDamagedCheckpointIsPassedOver() throws {
    let tiny = try tinyWithCheckpoints()
    let before = try tiny.finished("run")
    let weights = checkpoint(4, in: tiny.url("run")).appendingPathComponent("model.safetensors")
    var bytes = try Data(contentsOf: weights)
    let wanted = bytes
    bytes[bytes.count - 3] ^= 1
    try bytes.write(to: weights)
    let error = #expect(throws: KelipError.self) {
      try tiny.train("run", "optimizer.steps=4", resume: .from(checkpoint(4, in: tiny.url("run")).path))
    }
    #expect(error?.message.contains("checksum") == true)
    try tiny.train("run", "optimizer.steps=4")
    #expect(try tiny.finished("run").comparableMetrics == before.comparableMetrics)
    #expect(try Data(contentsOf: weights) == wanted)
  }
}
