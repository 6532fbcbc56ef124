import Basics
import Foundation
import TestFolders
import Testing

@testable import StudyRuns

@Suite struct AnswerTests {
  private func measures(_ lines: [String]) throws -> Measures {
    try AnswerReader.measures(lines, prefix: "set.question", source: URL(fileURLWithPath: "/answer"))
  }

  @Test func numbersGetNames() throws {
    let found = try measures([
      #"{"language": "ko", "top1": 0.25, "per_class": {"cats": 1}, "set": "x"}"#,
      #"{"count": 3, "weights": [{"weight": 0.5, "R@1": 0.1}, {"weight": 1.0, "R@1": 0.2}]}"#,
      #"{"words": [{"ko": "집", "en": "house", "overlap": 0.5, "ko_pictures": [{"key": "a", "score": 1}]}]}"#,
    ])
    #expect(
      found == [
        "set.question.ko.top1": 0.25, "set.question.ko.per_class.cats": 1, "set.question.count": 3,
        "set.question.weights.0.5.R@1": 0.1, "set.question.weights.1.0.R@1": 0.2,
        "set.question.words.집 house.overlap": 0.5,
      ])
    #expect(throws: KelipError.self) { try measures(["[1]"]) }
    #expect(throws: KelipError.self) { try measures(["{"]) }
  }

  @Test func stepsAreAddedUpByStage() throws {
    let folder = try TemporaryFolder()
    func cost(_ lines: [String]) throws -> Measures {
      try Data(lines.joined(separator: "\n").utf8).write(to: folder.file("metrics.jsonl"))
      return try TrainingCost.measures(folder.url, stages: ["mae", "contrastive"])
    }
    let found = try cost([
      #"{"step": 1, "stage": "mae", "step_seconds": 1}"#,
      #"{"step": 2, "stage": "contrastive", "step_seconds": 2}"#,
      #"{"step": 3, "stage": "contrastive", "step_seconds": 3}"#,
    ])
    #expect(found["training.seconds"] == 6 && found["training.seconds.contrastive"] == 5)
    #expect(found["training.steps.mae"] == 1 && found["training.seconds_per_step"] == 2)
    // A run of one stage does not name it.
    #expect(try cost([#"{"step_seconds": 2}"#])["training.steps.mae"] == 1)
    #expect(throws: KelipError.self) { try cost([#"{"step": 1}"#]) }
  }

  @Test func spreadIsTheSampleStandardDeviation() throws {
    #expect(Spread([]) == nil)
    let one = try #require(Spread([4]))
    #expect(one.mean == 4 && one.deviation == nil && one.count == 1)
    let four = try #require(Spread([2, 4, 4, 6]))
    #expect(four.mean == 4 && abs(four.deviation! - (8.0 / 3).squareRoot()) < 1e-12)
    #expect(Spread([0.5, 0.5, 0.5])?.deviation == 0)
  }
}
