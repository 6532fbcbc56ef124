import Basics
import Foundation
import Testing

@testable import StudyRuns

@Suite struct StudyTests {
  private let launcher = FakeLauncher()

  private func run(_ fixture: StudyFixture, _ kind: StudyKind = .augmentation) throws -> StudyResults {
    try fixture.study(kind).run(launcher) { _ in }
  }

  @Test func variantsAreTrainedAskedAndCounted() throws {
    let results = try run(StudyFixture())
    #expect(launcher.trainings.count == 4 && launcher.evaluations.count == 16)
    #expect(launcher.programs.allSatisfy { $0.ranks == 2 })
    #expect(launcher.trainings.map { $0.value("run.seed") } == ["1", "1", "2", "2"])
    let spread = try #require(results.spread("train.retrieval.ko.text_to_image_R@1", of: "plain"))
    #expect(spread.count == 2 && abs(spread.mean - 0.15) < 1e-12)
    #expect(abs(spread.deviation! - 0.005.squareRoot()) < 1e-12)
    #expect(results.spread("training.seconds", of: "plain")?.mean == 1.5)
    #expect(results.spread("training.steps", of: "weak+mae")?.mean == 6)
  }

  @Test func whatIsDoneIsNotDoneAgain() throws {
    let fixture = try StudyFixture()
    let first = try run(fixture)
    launcher.forget()
    #expect(try run(fixture).json.text == first.json.text)
    #expect(launcher.programs.isEmpty)
  }

  @Test(arguments: [0, 2, 5, 19]) func aKilledStudyGoesOn(after count: Int) throws {
    let fixture = try StudyFixture()
    launcher.ends = [count: .signalled(9)]
    let error = #expect(throws: KelipError.self) { try run(fixture) }
    #expect(error?.message.contains("signal 9") == true)
    launcher.ends = [:]
    launcher.forget()
    _ = try run(fixture)
    #expect(launcher.programs.count == 20 - count)
  }

  @Test func moreSeedsAndVariantsJoin() throws {
    var fixture = try StudyFixture()
    fixture.plan.seeds = [1]
    try fixture.plan.keepVariants(["plain"])
    _ = try run(fixture)
    launcher.forget()
    let whole = try StudyFixture().plan
    (fixture.plan.seeds, fixture.plan.variants) = ([1, 5], whole.variants)
    #expect(try run(fixture).models.map(\.name).count == 4)
    #expect(launcher.trainings.count == 3)
  }

  @Test func aChangedPlanIsRefused() throws {
    var fixture = try StudyFixture()
    _ = try run(fixture)
    launcher.forget()
    fixture.plan.steps = 4
    let error = #expect(throws: KelipError.self) { try run(fixture) }
    #expect(error?.message.contains("variant plain was trained with optimizer.steps: 3") == true)
    #expect(error?.message.contains("now has 4") == true)
    #expect(error?.location?.hasSuffix("study.json") == true && launcher.programs.isEmpty)
    fixture.plan.steps = 3
    fixture.plan.variants[1].overrides.removeLast()
    let other = #expect(throws: KelipError.self) { try run(fixture) }
    #expect(other?.message.contains("variant weak+mae was trained with augmentation.flip: not given") == true)
  }

  @Test func changedQuestionsAreAskedAgain() throws {
    var fixture = try StudyFixture()
    _ = try run(fixture)
    launcher.forget()
    fixture.plan.evaluation.pairs = 50
    _ = try run(fixture)
    #expect(launcher.trainings.isEmpty && launcher.evaluations.count == 8)
    #expect(launcher.evaluations.allSatisfy { $0.arguments[1] == "retrieval" })
  }

  @Test func otherWeightsAreAskedAgain() throws {
    let fixture = try StudyFixture()
    _ = try run(fixture)
    launcher.forget()
    let checkpoint = try fixture.study().runs[0].checkpoint
    try Data("{ }".utf8).write(to: checkpoint.appendingPathComponent("manifest.json"))
    _ = try run(fixture)
    #expect(launcher.evaluations.count == 4)
  }

  @Test func aFailedProgramIsToldOf() throws {
    let fixture = try StudyFixture()
    launcher.ends = [1: .exited(3)]
    let error = #expect(throws: KelipError.self) { try run(fixture) }
    let text = error?.description ?? ""
    for part in [
      "zero-shot-validation of plain-seed1", "exit status 3", "output.log", "out of luck → try again",
    ] {
      #expect(text.contains(part), "\(text)")
    }
  }

  @Test(arguments: [ChildEnd.stopped, .exited(85)]) func aStoppedStudyWantsToGoOn(_ end: ChildEnd) throws {
    launcher.ends = [0: end]
    let error = #expect(throws: KelipError.self) { try run(StudyFixture()) }
    #expect(error?.exitCode == .requeue)
  }

  @Test func trainingThatLeavesNothingIsTold() throws {
    launcher.ends = [0: .exited(0)]
    let error = #expect(throws: KelipError.self) { try run(StudyFixture()) }
    #expect(error?.message.contains("no checkpoint") == true)
  }

  @Test func picturesAreDrawnOfTheFirstModel() throws {
    var fixture = try StudyFixture()
    fixture.plan.evaluation.sums = ["text:a - text:b"]
    _ = try run(fixture, .languages)
    // For each set: cross-lingual, culture and two analogies of four models; the sums of one.
    #expect(launcher.evaluations.count == 2 * (4 * 4 + 1))
    let drawn = launcher.evaluations.filter { $0.arguments.contains("--sheet") }
    #expect(drawn.map(\.arguments[1]) == ["culture", "analogy", "culture", "analogy"])
    #expect(drawn.allSatisfy { $0.arguments.contains { $0.contains("plain-seed1") } })
  }
}
