import ArgumentParser
import Basics
import Foundation
import ProgramEntry
import Studies

/// `kelip eval cross-lingual`: Korean and English texts that find each other.
struct EvalCrossLingual: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cross-lingual",
    abstract: "Find the English text for each Korean one, and the other way round; under mpirun, too.",
    discussion: """
      The texts are captions of the same picture (--data: samples whose metadata agree in --pair-key), or rows of \
      --table with columns ko and en. A pair of texts that stands there several times counts once; a text that has \
      several right answers has each of them as a query of its own, the others counting as wrong.
      """)

  @OptionGroup var modelOptions: ModelOptions
  @Option(parsing: .upToNextOption, help: "Shards with captions in both languages.") var data: [String] = []
  @Option(help: "The metadata's key that is the same for the same picture.") var pairKey = "picture"
  @Option(help: "The metadata's key of the theme.") var themeKey = "theme"
  @Option(help: "A CSV or TSV file with columns ko and en, and theme.", completion: .file()) var table:
    String?
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard data.isEmpty != (table == nil) else { throw ValidationError("give either --data or --table") }
  }

  func run() throws {
    Program.run { communicator in
      let (encoder, pairs) = try communicator.agree { (try modelOptions.encoder(), try self.pairs()) }
      let report = try CrossLingualReport(encoder, pairs, communicator)
      if communicator.isLeader { json ? print(report.json.text) : show(report) }
      return .done
    }
  }

  private func pairs() throws -> TextPairs {
    if let table { return try TextPairs(table: table) }
    return try TextPairs(shards: data, pairKey: pairKey, themeKey: themeKey)
  }

  private func show(_ report: CrossLingualReport) {
    print("\(report.count) pairs of texts, chance \(String(format: "%.2f", 100 / Double(report.count))) %")
    for way in report.directions {
      let metrics = way.metrics
      print(
        String(
          format: "\n%@: R@1 %.1f, R@5 %.1f, R@10 %.1f %%, median rank %g, mean rank %.1f",
          way.name == "ko_to_en" ? "Korean → English" : "English → Korean", 100 * metrics.recallAt1,
          100 * metrics.recallAt5, 100 * metrics.recallAt10, metrics.medianRank, metrics.meanRank))
      for group in way.lengths + way.themes {
        print(
          "  " + group.name.padding(toLength: 28, withPad: " ", startingAt: 0)
            + String(
              format: "%6d   R@1 %5.1f   R@5 %5.1f   median rank %g", group.count, 100 * group.recallAt1,
              100 * group.recallAt5, group.medianRank))
      }
    }
  }
}
