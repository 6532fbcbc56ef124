import Basics
import Foundation
import TestFolders
import Testing

@testable import StudyRuns

@Suite struct StudyPlanTests {
  private func plan(_ change: (String) -> String) throws -> StudyPlan {
    try StudyPlan(yaml: change(StudyFixture.planText), source: "plan.yaml")
  }

  @Test func aPlanIsRead() throws {
    let plan = try plan { $0 }
    #expect(plan.overrides == ["optimizer.lr=0.001"] && plan.steps == 3 && plan.seeds == [1, 2])
    #expect(plan.variants.map(\.name) == ["plain", "weak+mae"] && plan.variants[0].overrides.isEmpty)
    #expect(plan.variants[1].overrides.map(\.key) == ["stages", "mae.lr", "augmentation"])
    #expect(plan.variants[1].overrides[2].value.text == #"{"train": "weak", "scale": [0.5, 1]}"#)
    #expect(plan.evaluation.labelKey == "theme" && plan.evaluation.languages == ["ko", "en"])
  }

  @Test(arguments: [
    ("seeds: [1, 2]", "seeds: [1, 1]", "seeds"), ("ranks: 2", "ranks: 0", "ranks"),
    ("plain:", "a/b:", "a/b"), ("plain:", "plain: [1]", "plain"), ("steps: 3", "stpes: 3", "stpes"),
    ("config: run.yaml", "seed: 1", "config"), ("pairs: 100", "sets: {a.b: x}", "a.b"),
    ("pairs: 100", "minimum_by_set: {train: none}", "train"),
  ]) func mistakesInAPlanAreNamed(_ text: String, _ mistake: String, _ named: String) throws {
    let error = #expect(throws: KelipError.self) {
      try plan { $0.replacing(text, with: mistake) }
    }
    #expect(error?.description.contains(named) == true, "\(error?.description ?? "")")
  }

  @Test func everyVariantIsRunFromEverySeed() throws {
    let fixture = try StudyFixture()
    let runs = try fixture.study().runs
    #expect(
      runs.map(\.name) == ["plain-seed1", "weak+mae-seed1", "plain-seed2", "weak+mae-seed2"])
    let (plain, mae) = (try #require(runs[2].training), try #require(runs[3].training))
    #expect(plain.steps == 3 && plain.stages == ["contrastive"])
    // The stage before lasts as long, since nothing says how long.
    #expect(mae.steps == 6 && mae.overrides.contains("mae.steps=3"))
    #expect(plain.overrides.contains("run.seed=2") && plain.overrides.contains("validation.every_steps=null"))
    #expect(runs[3].checkpoint.path.hasSuffix("study/weak+mae-seed2/checkpoints/step-00000006"))
  }

  @Test func settingsAreThoseThatMakeAModel() throws {
    let runs = try StudyFixture().study().runs
    let settings = runs.map { run in
      Dictionary(uniqueKeysWithValues: run.training!.settings.map { ($0.key, $0.value.text) })
    }
    #expect(settings[0] == settings[2] && settings[0]["optimizer.steps"] == "3")
    #expect(settings[0]["augmentation.flip"] == "0.5" && settings[0]["optimizer.lr"] == "0.001")
    // A section's name replaces the section.
    #expect(settings[1]["augmentation.flip"] == nil && settings[1]["augmentation.scale"] == "[0.5, 1]")
    #expect(settings[0].keys.allSatisfy { !$0.hasPrefix("run.") && !$0.hasPrefix("validation.") })
  }

  @Test func setsAreThoseOfTheConfiguration() throws {
    var fixture = try StudyFixture()
    #expect(try fixture.study().sets.map(\.name) == ["validation", "train"])
    #expect(try fixture.study().trainedOn == ["train"])
    fixture.plan.overrides.append("data.train=[a, b]")
    let error = #expect(throws: KelipError.self) { try fixture.study() }
    #expect(error?.hint?.contains("evaluation.sets") == true)
    fixture.plan.evaluation.sets = [("all", "a")]
    #expect(try fixture.study().trainedOn == ["all"])
  }

  @Test func variantsAreChosen() throws {
    var plan = try plan { $0 }
    #expect(throws: KelipError.self) { try plan.keepVariants(["plain", "strong"]) }
    try plan.keepVariants(["weak+mae"])
    #expect(plan.variants.map(\.name) == ["weak+mae"])
  }

  @Test func givenModelsAreFound() throws {
    let fixture = try StudyFixture()
    let checkpoints = ["one", "two/run", "two/a/run"].map {
      fixture.folder.file("\($0)/checkpoints/step-00000009")
    }
    for checkpoint in checkpoints {
      try FileManager.default.createDirectory(at: checkpoint, withIntermediateDirectories: true)
      try Data("{}".utf8).write(to: checkpoint.appendingPathComponent("manifest.json"))
      try Data("step-00000009\n".utf8).write(
        to: checkpoint.deletingLastPathComponent().appendingPathComponent("latest"))
    }
    let paths = ["one", "two/run"].map { fixture.folder.file($0).path } + [checkpoints[2].path]
    let runs = try fixture.study(.languages, checkpoints: paths).runs
    #expect(runs.map(\.name) == ["one", "run", "run-2"])
    #expect(runs.map(\.checkpoint.lastPathComponent) == Array(repeating: "step-00000009", count: 3))
    #expect(throws: KelipError.self) { try fixture.study(.languages, checkpoints: [fixture.folder.path]) }
  }
}
