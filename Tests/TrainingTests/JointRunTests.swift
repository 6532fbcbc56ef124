import Basics
import Collectives
import Foundation
import TestSupport
import Testing
import TinyRun
import Towers

@testable import Training

@Suite struct JointRunTests {
  private static let joint = [
    "stages=[joint]", "masked.image_sides=[4, 8]", "masked.text_tokens=[1, 3]", "masked.mask_token=299",
    "masked.beta=0.5", "optimizer.kind=adam", "optimizer.schedule=cosine_annealing",
  ]

  private func train(
    _ run: TinyRun, _ name: String, _ more: String..., worldSize: Int? = nil
  ) throws -> FinishedRun {
    let options = WorkerOptions(
      configPath: try run.writeConfig(name), overrides: Self.joint + more, resume: .auto,
      acceptConfigChange: false, dryRun: false)
    if let worldSize {
      _ = try ThreadedCommunicator.run(worldSize: worldSize) { try Worker.run(options, $0) }
    } else {
      _ = try Worker.run(options, SoloCommunicator())
    }
    return try run.finished(name)
  }

  @Test(arguments: MaskedTextLoss.allCases) func aRunGoesOnWhereItStoppedAndDoesNotDependOnTheRanks(
    _ textLoss: MaskedTextLoss
  ) throws {
    let run = try TinyRun()
    let loss = "masked.text_loss=\(textLoss.rawValue)"
    let whole = try train(run, "whole", loss, "checkpoint.every_steps=4")
    #expect(whole.steps == Array(1...8))
    for name in ["loss", "contrastive_loss", "masked_image_loss", "masked_text_loss"] {
      let values = whole.values(name)
      #expect(values.count == 8 && values.allSatisfy { $0.isFinite && $0 > 0 }, "\(name)")
    }
    let heads = checkpoint(8, in: whole.folder).appendingPathComponent("heads.safetensors")
    #expect(FileManager.default.fileExists(atPath: heads.path))

    try FileManager.default.copyItem(at: whole.folder, to: run.url("stopped"))
    try FileManager.default.removeItem(at: checkpoint(8, in: run.url("stopped")))
    let resumed = try train(run, "stopped", loss, "checkpoint.every_steps=4")
    #expect(resumed.comparableMetrics == whole.comparableMetrics)
    #expect(try resumed.weights(step: 8) == whole.weights(step: 8))

    let three = try train(run, "three", loss, worldSize: 3)
    for name in ["masked_image_loss", "masked_text_loss", "grad_norm"] {
      #expect(mismatch(three.values(name), whole.values(name), tolerance: 1e-3) == nil, "\(name)")
    }
  }

  @Test func aDryRunFindsThatThereIsNoMaskToken() throws {
    let run = try TinyRun(sampleCount: 6)
    let options = WorkerOptions(
      configPath: try run.writeConfig("dry"), overrides: ["stages=[joint]", "masked.image_sides=[4]"],
      resume: .auto, acceptConfigChange: false, dryRun: true)
    let error = #expect(throws: KelipError.self) { try Worker.run(options, SoloCommunicator()) }
    #expect(error?.location == "masked.mask_token")
  }
}
