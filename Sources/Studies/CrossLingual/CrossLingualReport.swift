import Basics
import Collectives
import Evaluation

/// How well a model finds the English text that says the same as a Korean one, and the Korean of an English one, without
/// ever having been shown that the two belong together: only pictures have connected them (question 2).
package struct CrossLingualReport: Sendable {
  /// Some of the queries; they are ranked among all texts.
  package struct Group: Sendable, Equatable {
    package var name: String
    package var count: Int
    package var recallAt1: Double
    package var recallAt5: Double
    package var medianRank: Double

    init(_ name: String, ranks: [Int]) {
      let metrics = RetrievalMetrics(ranks: ranks)
      (self.name, count) = (name, ranks.count)
      (recallAt1, recallAt5, medianRank) = (metrics.recallAt1, metrics.recallAt5, metrics.medianRank)
    }
  }

  package struct Direction: Sendable {
    /// Such as `ko_to_en`.
    package var name: String
    package var metrics: RetrievalMetrics
    /// By the number of words of the query.
    package var lengths: [Group]
    /// By theme, in rising order of names.
    package var themes: [Group]
  }

  package let count: Int
  package let directions: [Direction]

  /// Every rank calls it with the same pairs, and gets the same report.
  package init(
    _ encoder: any FeatureEncoder, _ pairs: TextPairs, _ communicator: any Communicator = SoloCommunicator()
  ) throws {
    let mine = pairs.pairs[communicator.share(of: pairs.pairs.count)]
    let features = try Features(
      images: encoder.textFeatures(texts: mine.map(\.korean)),
      texts: encoder.textFeatures(texts: mine.map(\.english)), dimension: encoder.config.embedDim
    ).normalised().gathered(communicator)
    self.init(pairs, ranks: try features.ranks(communicator))
  }

  /// - Parameter ranks: of each pair's English text by its Korean one, and the other way round.
  init(_ pairs: TextPairs, ranks: (imageToText: [Int], textToImage: [Int])) {
    count = pairs.pairs.count
    let themes = pairs.pairs.map(\.theme)
    directions = [
      Self.direction("ko_to_en", ranks.imageToText, pairs.pairs.map(\.korean), themes),
      Self.direction("en_to_ko", ranks.textToImage, pairs.pairs.map(\.english), themes),
    ]
  }

  private static func direction(
    _ name: String, _ ranks: [Int], _ queries: [String], _ themes: [String?]
  ) -> Direction {
    let lengths = queries.map { query in query.split(whereSeparator: \.isWhitespace).count }
    let bands: [(String, ClosedRange<Int>)] = [
      ("1 word", 0...1), ("2 words", 2...2), ("3–4 words", 3...4), ("5 words and more", 5...Int.max),
    ]
    return Direction(
      name: name, metrics: RetrievalMetrics(ranks: ranks),
      lengths: bands.compactMap { name, band in
        let found = zip(ranks, lengths).filter { band.contains($0.1) }.map(\.0)
        return found.isEmpty ? nil : Group(name, ranks: found)
      },
      themes: Set(themes.compactMap(\.self)).sorted().map { theme in
        Group(theme, ranks: zip(ranks, themes).filter { $0.1 == theme }.map(\.0))
      })
  }

  package var json: JSONText {
    func group(_ group: Group) -> (String, JSONText) {
      (
        group.name,
        .object([
          ("count", .integer(group.count)), ("R@1", .number(group.recallAt1)),
          ("R@5", .number(group.recallAt5)), ("median_rank", .number(group.medianRank)),
        ])
      )
    }
    let all = directions.flatMap { way -> [(String, JSONText)] in
      [
        ("\(way.name)_R@1", .number(way.metrics.recallAt1)),
        ("\(way.name)_R@5", .number(way.metrics.recallAt5)),
        ("\(way.name)_R@10", .number(way.metrics.recallAt10)),
        ("\(way.name)_median_rank", .number(way.metrics.medianRank)),
        ("\(way.name)_mean_rank", .number(way.metrics.meanRank)),
        ("\(way.name)_by_length", .object(way.lengths.map(group))),
        ("\(way.name)_by_theme", .object(way.themes.map(group))),
      ]
    }
    return .object([("count", .integer(count)), ("chance_R@1", .number(1 / Double(count)))] + all)
  }
}
