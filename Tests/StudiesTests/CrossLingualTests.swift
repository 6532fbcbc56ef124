import Basics
import Collectives
import Evaluation
import Foundation
import TestEncoders
import TestFolders
import Testing

@testable import Studies

/// Knows a few words in both languages, and what is like what.
private func wordEncoder() throws -> StandInEncoder {
  let words = [["고양이", "cat"], ["개", "dog"], ["큰", "big"], ["그림", "picture"]]
  return try StandInEncoder(dimension: 4) { caption in
    words.map { same in same.contains { caption.contains($0) } ? 1 : 0.01 }
  }
}

@Suite struct CrossLingualTests {
  private static let rows = [
    ("고양이", "cat", "animals"), ("개", "dog", "animals"), ("큰 고양이", "big cat", "animals"),
    ("큰 개", "a big dog", "animals"), ("그림", "picture", "things"), ("그림", "picture", "things"),
    // Nothing leads from the one to the other.
    ("개 그림", "cat picture of mine", "things"),
  ]

  private func pairs() throws -> TextPairs {
    let folder = try TemporaryFolder()
    let lines = ["en\ttheme\tko"] + Self.rows.map { "\($0.1)\t\($0.2)\t\($0.0)" }
    try Data(lines.joined(separator: "\n").utf8).write(to: folder.file("pairs.tsv"))
    return try TextPairs(table: folder.file("pairs.tsv").path)
  }

  @Test(arguments: [1, 2, 4]) func wordsFindTheirTranslations(ranks: Int) throws {
    let pairs = try pairs()
    #expect(pairs.pairs.count == 6)
    let reports = try ThreadedCommunicator.run(worldSize: ranks) {
      try CrossLingualReport(try wordEncoder(), pairs, $0)
    }
    for report in reports {
      #expect(report.count == 6 && report.directions.map(\.name) == ["ko_to_en", "en_to_ko"])
      for way in report.directions {
        #expect(abs(way.metrics.recallAt1 - 5 / 6.0) < 1e-12)
        #expect(way.themes.map(\.name) == ["animals", "things"] && way.themes.map(\.count) == [4, 2])
        #expect(way.themes.map(\.recallAt1) == [1, 0.5])
      }
      let korean = report.directions[0].lengths
      #expect(korean.map(\.name) == ["1 word", "2 words"] && korean.map(\.count) == [3, 3])
      #expect(report.directions[1].lengths.map(\.count) == [3, 1, 2])
    }
  }

  @Test func badTablesAreTold() throws {
    let folder = try TemporaryFolder()
    func read(_ text: String) throws -> TextPairs {
      try Data(text.utf8).write(to: folder.file("t.csv"))
      return try TextPairs(table: folder.file("t.csv").path)
    }
    for text in ["ko,en\n", "korean,english\na,b", "ko,en\na,b,c", ""] {
      #expect(throws: KelipError.self, "\(text)") { try read(text) }
    }
    #expect(try read("ko,en\n가,a\n가,a\n가,b\n").pairs.count == 2)
  }
}
