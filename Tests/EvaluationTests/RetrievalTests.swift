import Basics
import Foundation
import Testing

@testable import Evaluation

/// Features with few distinct values, so that scores tie often.
struct Features {
  var values: [Float]
  let count: Int
  let dimension: Int

  init(count: Int, dimension: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    values = (0..<count * dimension).map { _ in Float(Int.random(in: -1...1, using: &generator)) }
    self.count = count
    self.dimension = dimension
  }

  init(rows: [[Float]]) {
    values = rows.flatMap(\.self)
    count = rows.count
    dimension = rows[0].count
  }

  func withMatrix<Result>(_ body: (FeatureMatrix) throws -> Result) rethrows -> Result {
    try values.withUnsafeBufferPointer { try body(FeatureMatrix($0, count: count, dimension: dimension)) }
  }

  func score(_ row: Int, _ other: Features, _ otherRow: Int) -> Float {
    (0..<dimension).reduce(0) {
      $0 + values[row * dimension + $1] * other.values[otherRow * dimension + $1]
    }
  }
}

/// Sorts all candidates by (score descending, index ascending) and counts the non-matches before the first match.
private func bruteForceRank(_ query: Int, _ queries: Features, _ candidates: Features, matches: Set<Int>)
  -> Int
{
  let order = (0..<candidates.count).sorted {
    let (a, b) = (queries.score(query, candidates, $0), queries.score(query, candidates, $1))
    return a != b ? a > b : $0 < $1
  }
  return order.firstIndex { matches.contains($0) }! + 1
}

@Suite struct RetrievalTests {
  private func report(_ images: Features, _ texts: Features, ids: [Int]? = nil) throws -> RetrievalReport {
    try images.withMatrix { images in
      try texts.withMatrix { try RetrievalReport(images: images, texts: $0, imageIDs: ids) }
    }
  }

  // 64 and 65 lie at the edge of a tile.
  @Test(arguments: [(1, 1), (2, 3), (7, 2), (13, 5), (64, 3), (65, 4), (131, 7)])
  func pairsAgreeWithSorting(count: Int, dimension: Int) throws {
    let images = Features(count: count, dimension: dimension, seed: 1)
    let texts = Features(count: count, dimension: dimension, seed: 2)
    let found = try report(images, texts)
    #expect(
      found.imageToText
        == RetrievalMetrics(ranks: (0..<count).map { bruteForceRank($0, images, texts, matches: [$0]) }))
    #expect(
      found.textToImage
        == RetrievalMetrics(ranks: (0..<count).map { bruteForceRank($0, texts, images, matches: [$0]) }))
    #expect(found.count == count)
    #expect(found.chanceRecallAt1 == 1 / Double(count))
  }

  @Test(arguments: [(5, 1), (17, 4), (70, 23), (131, 130)])
  func severalCaptionsAPicture(count: Int, pictures: Int) throws {
    var generator = SeededGenerator(seed: 3)
    // Every picture has a caption; ids are neither dense nor sorted.
    let ids = (0..<count).map {
      1000 - 7 * ($0 < pictures ? $0 : Int.random(in: 0..<pictures, using: &generator))
    }
    let images = Features(count: count, dimension: 4, seed: 4)
    let texts = Features(count: count, dimension: 4, seed: 5)
    let gallery = Features(rows: (0..<pictures).map { Array(images.values[4 * $0..<4 * $0 + 4]) })
    let found = try report(images, texts, ids: ids)
    let imageRanks = (0..<pictures).map { picture in
      bruteForceRank(picture, gallery, texts, matches: Set(ids.indices.filter { ids[$0] == ids[picture] }))
    }
    let textRanks = (0..<count).map {
      bruteForceRank($0, texts, gallery, matches: [ids.firstIndex(of: ids[$0])!])
    }
    #expect(found.imageToText == RetrievalMetrics(ranks: imageRanks))
    #expect(found.textToImage == RetrievalMetrics(ranks: textRanks))
    #expect(found.count == count)
    #expect(found.chanceRecallAt1 == 1 / Double(pictures))
  }

  @Test func equalScoresRankByIndex() {
    let same = Features(rows: [[1, 0], [1, 0], [1, 0]])
    let ranks = same.withMatrix {
      RetrievalMetrics.ranks(queries: $0, queryIDs: [0, 1, 2], candidates: $0, candidateIDs: [0, 1, 2])
    }
    #expect(ranks == [1, 2, 3])
  }

  @Test func brokenFeaturesRankLast() throws {
    let broken = Features(rows: [[.nan, 0], [1, 0], [0, 1]])
    let ranks = broken.withMatrix {
      RetrievalMetrics.ranks(queries: $0, queryIDs: [0, 1, 2], candidates: $0, candidateIDs: [0, 1, 2])
    }
    #expect(ranks == [3, 2, 2])
  }

  @Test func metricsOfKnownRanks() {
    let metrics = RetrievalMetrics(ranks: [1, 11, 6, 2, 10, 5])
    #expect(metrics.recallAt1 == 1 / 6.0)
    #expect(metrics.recallAt5 == 3 / 6.0)
    #expect(metrics.recallAt10 == 5 / 6.0)
    #expect(metrics.medianRank == 5.5)
    #expect(metrics.meanRank == 35 / 6.0)
    #expect(RetrievalMetrics(ranks: [4, 1, 9]).medianRank == 4)
  }

  @Test func featuresThatDoNotPairAreRefused() {
    let (two, three) = (Features(count: 2, dimension: 4, seed: 1), Features(count: 3, dimension: 4, seed: 1))
    let narrow = Features(count: 2, dimension: 3, seed: 1)
    let none = Features(count: 0, dimension: 4, seed: 1)
    #expect(throws: KelipError.self) { try report(two, three) }
    #expect(throws: KelipError.self) { try report(two, narrow) }
    #expect(throws: KelipError.self) { try report(none, none) }
    #expect(throws: KelipError.self) { try report(two, two, ids: [1]) }
  }

  @Test func reportsUseTheKeysThatScriptsRead() throws {
    // A power of two: JSONSerialization may miss the last bit of other fractions.
    let features = Features(count: 16, dimension: 3, seed: 8)
    let report = try report(features, Features(count: 16, dimension: 3, seed: 9))
    let data = try JSONEncoder().encode(report)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Double])
    let measures = ["R@1", "R@5", "R@10", "median_rank", "mean_rank"]
    let expected = ["image_to_text", "text_to_image"].flatMap { name in measures.map { "\(name)_\($0)" } }
    #expect(Set(object.keys) == Set(expected + ["count", "chance_R@1"]))
    #expect(object["image_to_text_R@5"] == report.imageToText.recallAt5)
    #expect(object["text_to_image_mean_rank"] == report.textToImage.meanRank)
    #expect(try JSONDecoder().decode(RetrievalReport.self, from: data) == report)
  }
}

@Suite struct PairRanksTests {
  // Tiles are of 512 pictures and 4096 texts.
  @Test(arguments: [(1, 1), (1, 5), (7, 7), (33, 70), (511, 513), (513, 1100), (40, 4200)], [false, true])
  func agreeWithTheDefinition(counts: (pictures: Int, texts: Int), broken: Bool) throws {
    var generator = SeededGenerator(seed: 10)
    var pictures = Features(count: counts.pictures, dimension: 2, seed: 11)
    var texts = Features(count: counts.texts, dimension: 2, seed: 12)
    if broken {
      pictures.values[Int.random(in: pictures.values.indices, using: &generator)] = .nan
      texts.values[Int.random(in: texts.values.indices, using: &generator)] = .infinity
      texts.values[Int.random(in: texts.values.indices, using: &generator)] = .nan
    }
    let pictureOfText = (0..<counts.texts).map {
      $0 < counts.pictures
        ? counts.pictures - 1 - $0 : Int.random(in: 0..<counts.pictures, using: &generator)
    }
    let rows = Array(0..<counts.pictures)
    try pictures.withMatrix { pictures in
      try texts.withMatrix { texts in
        let found = try PairRanks(
          pictures: pictures, texts: texts, pictureOfText: pictureOfText, scoreTile: ScoreTiles.plain)
        #expect(
          found.ofPictures
            == RetrievalMetrics.ranks(
              queries: pictures, queryIDs: rows, candidates: texts, candidateIDs: pictureOfText))
        #expect(
          found.ofTexts
            == RetrievalMetrics.ranks(
              queries: texts, queryIDs: pictureOfText, candidates: pictures, candidateIDs: rows))
      }
    }
  }
}

@Suite struct TopKTests {
  @Test(arguments: [(1, 1), (5, 0), (5, 3), (67, 10), (4, 9)])
  func agreesWithSorting(count: Int, k: Int) {
    let queries = Features(count: 66, dimension: 3, seed: 6)
    let candidates = Features(count: count, dimension: 3, seed: 7)
    let found = queries.withMatrix { queries in
      candidates.withMatrix { TopK.search(queries: queries, candidates: $0, k: k) }
    }
    #expect(found.count == queries.count)
    for (query, best) in found.enumerated() {
      let order = (0..<count).sorted {
        let (a, b) = (queries.score(query, candidates, $0), queries.score(query, candidates, $1))
        return a != b ? a > b : $0 < $1
      }
      #expect(best.map(\.index) == Array(order.prefix(k)))
    }
  }

  @Test func nanComesLast() {
    let best = ([.nan, 1, .nan, 2, -.infinity] as [Float]).withUnsafeBufferPointer { TopK.best(of: $0, k: 5) }
    #expect(best.map(\.index) == [3, 1, 4, 0, 2])
  }

  @Test func anEmptyMatrixGivesNothing() {
    let empty = Features(count: 0, dimension: 2, seed: 1)
    let query = Features(count: 1, dimension: 2, seed: 1)
    let found = query.withMatrix { query in
      empty.withMatrix {
        (TopK.search(queries: query, candidates: $0, k: 3), TopK.search(queries: $0, candidates: query, k: 3))
      }
    }
    #expect(found.0 == [[]])
    #expect(found.1.isEmpty)
  }
}
