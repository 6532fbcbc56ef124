import Basics
import Checkpointing
import Collectives
import Evaluation
import Foundation
import RunService
import TestSupport
import Testing
import TinyRun

@testable import Training

@Suite struct ValidationTests {
  /// Captions of the tiny shards are Korean by their letters.
  private static let validated = ["validation.every_steps=2", "validation.languages=[ko, en]"]

  @discardableResult
  private func train(_ tiny: TinyRun, _ name: String, _ more: [String], ranks: Int = 1) throws -> FinishedRun
  {
    let options = WorkerOptions(
      configPath: try tiny.writeConfig(name),
      overrides: Self.validated + ["data.validation=\(tiny.path("train"))"] + more, resume: .auto,
      acceptConfigChange: false, dryRun: false)
    _ = try ThreadedCommunicator.run(worldSize: ranks) { try Worker.run(options, $0) }
    return try tiny.finished(name)
  }

  private func languages(_ tiny: TinyRun) throws -> [String] {
    let samples = try PairEmbedding(
      try ModelFiles(checkpoint: checkpoint(8, in: tiny.url("one")).path).encoder(.fp32),
      shards: [tiny.path("train")], threads: 1
    ).samples
    return try ["ko", "en"].filter { try !samples.numbers(ofLanguage: $0).isEmpty }
  }

  @Test func itTellsWhatTheCheckpointIsWorthOnAnyNumberOfRanks() throws {
    let tiny = try TinyRun()
    let one = try train(tiny, "one", ["checkpoint.every_steps=2", "checkpoint.keep_last=9"])
    let languages = try languages(tiny)
    #expect(!languages.isEmpty)
    for language in languages {
      for step in [2, 8] {
        let encoder = try ModelFiles(checkpoint: checkpoint(step, in: one.folder).path).encoder(.fp32)
        let embedded = try PairEmbedding(encoder, shards: [tiny.path("train")], threads: 1)
          .embed(language: language)
        let unit = embedded.features.normalised()
        let report = try unit.retrieval()
        let line = one.metrics[step - 1]
        func value(_ name: String) -> Double? { line["validation_\(language)_\(name)"] as? Double }
        #expect(value("text_to_image_R@1") == report.textToImage.recallAt1)
        #expect(value("image_to_text_R@10") == report.imageToText.recallAt10)
        #expect(value("image_to_text_median_rank") == report.imageToText.medianRank)
        let loss = try PairLoss.mean(
          unit, batchSize: TinyRun.globalBatchSize, logitScale: encoder.logitScale, SoloCommunicator())
        #expect(abs(value("loss")! - loss) < 1e-5)
      }
    }
    let told = one.metrics.filter { $0["validation_score"] != nil }.compactMap { $0["step"] as? Int }
    #expect(told == [2, 4, 6, 8])

    for ranks in [2, 3] {
      let more = try train(tiny, "on-\(ranks)", [], ranks: ranks)
      for language in languages {
        let name = "validation_\(language)_loss"
        #expect(mismatch(more.values(name), one.values(name), tolerance: 1e-4) == nil)
        #expect(more.values(name).count == 4)
      }
    }
  }

  @Test func theBestCheckpointStaysAndAResumedRunKnowsIt() throws {
    let tiny = try TinyRun()
    let more = ["checkpoint.every_steps=3", "checkpoint.keep_last=1", "optimizer.lr=0.05"]
    let whole = try train(tiny, "whole", more)
    let scores = whole.metrics.compactMap { line in
      (line["validation_score"] as? Double).map { (step: line["step"] as! Int, score: $0) }
    }
    let best = scores.reduce(scores[0]) { $1.score > $0.score ? $1 : $0 }.step
    let folder = whole.folder.appendingPathComponent("checkpoints")
    #expect(try CheckpointDirectory(root: whole.folder).steps() == Set([best, 8]).sorted())
    let name = try String(contentsOf: folder.appendingPathComponent("best"), encoding: .utf8)
    #expect(name == "\(checkpoint(best, in: whole.folder).lastPathComponent)\n")
    #expect(try RunCheckpoint.state(checkpoint(8, in: whole.folder)).best?.step == best)

    // A run that ends on the way and goes on knows of the best one before.
    let first = try train(tiny, "parts", more + ["optimizer.steps=8", "checkpoint.keep_last=9"])
    for step in try CheckpointDirectory(root: first.folder).steps() where step > 4 {
      try FileManager.default.removeItem(at: checkpoint(step, in: first.folder))
    }
    let resumed = try train(tiny, "parts", more + ["optimizer.steps=8", "checkpoint.keep_last=9"])
    #expect(resumed.comparableMetrics == whole.comparableMetrics)
    #expect(try RunCheckpoint.state(checkpoint(8, in: resumed.folder)).best?.step == best)
  }

  @Test func theLastResultLiesInItsFile() throws {
    let tiny = try TinyRun(sampleCount: 9)
    let run = try train(tiny, "run", ["optimizer.steps=3"])
    let folder = RunDirectory(run.folder.path).evaluations
    let text = try Data(contentsOf: folder.appendingPathComponent("latest.json"))
    let found = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
    #expect(found["step"] as? Int == 3)
    #expect(found["validation_score"] as? Double == run.metrics[2]["validation_score"] as? Double)
    let sets = try #require(found["validation"] as? [[String: Any]])
    for set in sets {
      let name = "validation_\(set["language"]!)_text_to_image_R@1"
      #expect(set["text_to_image_R@1"] as? Double == run.metrics[2][name] as? Double)
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(Set(names).isSuperset(of: ["step-00000002.json", "step-00000003.json", "latest.json"]))
    if hasFont { #expect(names.contains("latest.png")) }
  }

  private var hasFont: Bool {
    FileManager.default.fileExists(atPath: "/usr/share/fonts/truetype/nanum/NanumGothic.ttf")
  }

  @Test func whatCannotBeValidatedIsToldBeforeTheFirstStep() throws {
    let tiny = try TinyRun(sampleCount: 7)
    let none = #expect(throws: KelipError.self) {
      try tiny.train("none", "validation.every_steps=2")
    }
    #expect(none?.hint == "set data.validation")
    let language = #expect(throws: KelipError.self) {
      try train(tiny, "language", ["validation.languages=[fr]"], ranks: 2)
    }
    #expect(language?.message == "no pairs of fr" && language?.isAgreed == true)
    let twice = #expect(throws: KelipError.self) {
      try train(tiny, "twice", ["validation.languages=[ko, ko]"])
    }
    #expect(twice?.message.contains("twice") == true)
  }
}
