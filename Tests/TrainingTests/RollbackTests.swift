import Basics
import Collectives
import Foundation
import Testing
import TinyRun
import Towers

@testable import Training

/// Spoils one rank's gradient in some of its steps.
private final class Poisoned: TrainObjective {
  /// Steps of a rank, those that were done again too.
  final class Count {
    var value = 0
  }

  private let base: any TrainObjective
  private let calls: ClosedRange<Int>
  private let count: Count

  init(_ base: any TrainObjective, calls: ClosedRange<Int>, _ count: Count) {
    (self.base, self.calls, self.count) = (base, calls, count)
  }

  var parameters: ParameterArena { base.parameters }
  var tokenTable: Parameter? { base.tokenTable }
  func refresh() { base.refresh() }
  func constrain() { base.constrain() }

  func accumulate(_ batch: TrainBatch, _ context: ObjectiveContext) throws -> ObjectiveResult {
    count.value += 1
    guard calls.contains(count.value) else { return try base.accumulate(batch, context) }
    var isSpoiled = false
    let poisoned = ObjectiveContext(arena: context.arena, communicator: context.communicator) {
      [parameters] end in
      if end > 0, !isSpoiled {
        parameters.gradients[0] = .nan
        isSpoiled = true
      }
      try context.gradientsReady(end)
    }
    return try base.accumulate(batch, poisoned)
  }
}

@Suite("Updates that are not finite")
struct RollbackTests {
  /// Trains on three ranks, of which rank 1 is spoiled in these of its calls, counted over rollbacks.
  @discardableResult
  private func train(
    _ tiny: TinyRun, _ name: String, _ calls: ClosedRange<Int>, _ overrides: String...
  ) throws -> FinishedRun {
    let options = WorkerOptions(
      configPath: try tiny.writeConfig(name), overrides: overrides, resume: .auto, acceptConfigChange: false,
      dryRun: false)
    _ = try ThreadedCommunicator.run(worldSize: 3) { communicator in
      let count = Poisoned.Count()
      return try Worker.run(options, communicator) {
        communicator.rank == 1 ? Poisoned($0, calls: calls, count) : $0
      }
    }
    return try tiny.finished(name)
  }

  private func tiny() throws -> TinyRun { try TinyRun(sampleCount: 40) }

  @Test("one rank's NaN makes all ranks skip the same step, and no other")
  func skipped() throws {
    let tiny = try tiny()
    let run = try train(tiny, "skipped", 3...4)
    #expect(run.metrics.map { $0["updated"] as? Bool } == (1...8).map { !(3...4).contains($0) })
    #expect(run.steps == Array(1...8))
    // A rank that had gone on alone would have made the others' weights differ from the leader's, which the next steps'
    // exchanges would have spread: the loss of a step whose update was skipped is that of the weights before.
    let plain = try train(tiny, "plain", 100...100)
    #expect(run.values("loss")[..<3] == plain.values("loss")[..<3])
    #expect(run.values("loss")[7] != plain.values("loss")[7])
    #expect(run.values("loss").count == 8, "a loss that is not a number is null")
  }

  @Test("several in a row take the run back to the last checkpoint, past the data of the trouble")
  func rolledBack() throws {
    let tiny = try tiny()
    let plain = try train(tiny, "plain", 100...100, "optimizer.steps=14")
    let run = try train(
      tiny, "back", 5...7, "optimizer.steps=14", "optimizer.max_skipped_updates=3", "checkpoint.every_steps=4"
    )
    #expect(run.steps == Array(1...14), "each step once")
    #expect(run.metrics.filter { $0["updated"] as? Bool == true }.count == 14)
    // Steps 5 to 7 are done again, with the data that would have come after them.
    #expect(run.keys[..<4] == plain.keys[..<4])
    let longer = try longer(tiny)
    #expect(Array(run.keys[4...]) == Array(longer.keys[7..<17]))
    #expect(run.values("loss")[..<4] == plain.values("loss")[..<4])
    #expect(try RunCheckpoint.state(checkpoint(14, in: run.folder)).skippedBatches == 3)
  }

  /// A run that has not gone back, with enough batches.
  private func longer(_ tiny: TinyRun) throws -> FinishedRun {
    try train(tiny, "longer", 100...100, "optimizer.steps=20")
  }

  @Test("a run that went back resumes exactly")
  func resumed() throws {
    let tiny = try tiny()
    let settings = ["optimizer.max_skipped_updates=3", "checkpoint.every_steps=4"]
    let unbroken = try train(tiny, "unbroken", 5...7, "optimizer.steps=14", settings[0], settings[1])
    try train(tiny, "broken", 5...7, "optimizer.steps=14", settings[0], settings[1])
    for step in [12, 14] {
      try FileManager.default.removeItem(at: checkpoint(step, in: tiny.url("broken")))
    }
    let broken = try train(tiny, "broken", 100...100, "optimizer.steps=14", settings[0], settings[1])
    #expect(broken.comparableMetrics == unbroken.comparableMetrics)
    #expect(broken.keys == unbroken.keys)
    #expect(try broken.weights(step: 14) == unbroken.weights(step: 14))
  }

  @Test("without a checkpoint the run begins anew, past the data")
  func fromTheStart() throws {
    let tiny = try tiny()
    let run = try train(tiny, "anew", 2...4, "optimizer.max_skipped_updates=3")
    #expect(run.steps == Array(1...8))
    let longer = try longer(tiny)
    #expect(run.keys == Array(longer.keys[4..<12]))
  }

  @Test("trouble that does not end stops the run, with what to do")
  func givenUp() throws {
    let tiny = try tiny()
    let error = #expect(throws: KelipError.self) {
      try train(
        tiny, "never", 5...100_000, "optimizer.max_skipped_updates=2", "optimizer.max_rollbacks=2",
        "checkpoint.every_steps=4")
    }
    #expect(error?.exitCode == .fatal)
    #expect(error?.message.contains("2 rollbacks did not get past it") == true)
  }
}

@Suite("Losses that stay far above what they were")
struct LossWatchTests {
  private func settings(_ deviations: Double?) -> SafetySettings {
    var settings = SafetySettings()
    (settings.spikeDeviations, settings.spikeSteps) = (deviations, 3)
    return settings
  }

  /// - Returns: the first fault.
  private func run(_ losses: [Double], _ settings: SafetySettings) -> LossWatch.Fault? {
    var watch = LossWatch()
    for (index, loss) in losses.enumerated() {
      if let fault = watch.note(step: index + 1, loss: loss, updated: true, settings) { return fault }
    }
    return nil
  }

  /// Around 4, ± 0.1.
  private let calm = (0..<150).map { 4 + 0.1 * Double($0 % 3 - 1) }

  @Test("three in a row, after a hundred calm ones")
  func spike() {
    let fault = run(calm + [6, 6, 6], settings(10))
    #expect(fault?.first == 151 && fault?.last == 153)
    #expect(run(calm + [6, 6, 4, 6, 6], settings(10)) == nil, "not in a row")
    #expect(run(calm + [4.3, 4.3, 4.3, 4.3], settings(10)) == nil, "within the limit")
    #expect(run(calm + [6, 6, 6], settings(nil)) == nil, "off")
    #expect(run(Array(calm.prefix(50)) + [6, 6, 6, 6], settings(10)) == nil, "too early to tell")
  }

  @Test("what is high does not raise the mean")
  func excluded() {
    var watch = LossWatch()
    for (index, loss) in (calm + [6, 6]).enumerated() {
      _ = watch.note(step: index + 1, loss: loss, updated: true, settings(10))
    }
    var without = LossWatch()
    for (index, loss) in calm.enumerated() {
      _ = without.note(step: index + 1, loss: loss, updated: true, settings(10))
    }
    _ = watch.note(step: 153, loss: 4, updated: true, settings(10))
    _ = without.note(step: 151, loss: 4, updated: true, settings(10))
    #expect(watch == without)
  }
}
