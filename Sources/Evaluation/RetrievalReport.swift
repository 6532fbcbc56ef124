import Basics
import Collectives

/// Retrieval in both directions, under the names that scripts read.
package struct RetrievalReport: Codable, Equatable, Sendable {
  package var imageToText: RetrievalMetrics
  package var textToImage: RetrievalMetrics
  /// How many captions were ranked against the pictures.
  package var count: Int
  /// What guessing gives for text → image R@1: one by the number of pictures.
  package var chanceRecallAt1: Double

  /// Ranks image-text pairs: row i of `images` and of `texts`, both `[N, D]`, are a pair.
  ///
  /// - Parameters:
  ///   - imageIDs: which picture each row shows, where several captions share one. Rows with the same id match each
  ///     other, and the first of them stands for the picture. Without ids row i matches row i only.
  ///   - scoreTile: computes the scores; pass a matrix product for large sets.
  ///   - communicator: its ranks share the pictures; all call it with the same rows and get the same report.
  /// - Throws: `KelipError` where there are no pairs or the counts differ.
  package init(
    images: FeatureMatrix, texts: FeatureMatrix, imageIDs: [Int]? = nil,
    scoreTile: ScoreTile = ScoreTiles.plain, communicator: any Communicator = SoloCommunicator()
  ) throws {
    try Self.check(images: images, texts: texts, imageIDs: imageIDs)
    let textIDs = imageIDs ?? Array(0..<texts.count)
    let firstRows = Self.firstRows(of: textIDs)
    self = try Self.gathering(images, rows: firstRows) {
      try RetrievalReport(
        pictures: $0, pictureIDs: firstRows.map { textIDs[$0] }, texts: texts, textIDs: textIDs,
        scoreTile: scoreTile, communicator: communicator)
    }
  }

  /// Ranks pictures `[P, D]` and texts `[T, D]`, any number of texts a picture.
  ///
  /// - Parameters:
  ///   - pictureIDs: all of them different.
  ///   - textIDs: of each text its picture's; every picture has a text.
  package init(
    pictures: FeatureMatrix, pictureIDs: [Int], texts: FeatureMatrix, textIDs: [Int],
    scoreTile: ScoreTile = ScoreTiles.plain, communicator: any Communicator = SoloCommunicator()
  ) throws {
    precondition(pictures.count == pictureIDs.count && texts.count == textIDs.count)
    let rows = Dictionary(uniqueKeysWithValues: pictureIDs.enumerated().map { ($1, $0) })
    let ranks = try PairRanks(
      pictures: pictures, texts: texts, pictureOfText: textIDs.map { rows[$0]! }, scoreTile: scoreTile,
      communicator)
    imageToText = RetrievalMetrics(ranks: ranks.ofPictures)
    textToImage = RetrievalMetrics(ranks: ranks.ofTexts)
    count = texts.count
    chanceRecallAt1 = 1 / Double(pictures.count)
  }

  private static func check(images: FeatureMatrix, texts: FeatureMatrix, imageIDs: [Int]?) throws {
    func refuse(_ message: String) -> KelipError {
      KelipError(message, hint: "give image and text features with a row for each pair")
    }
    guard images.count > 0 else { throw refuse("there are no pairs to rank") }
    guard images.count == texts.count, imageIDs == nil || imageIDs?.count == texts.count else {
      throw refuse(
        "\(images.count) image rows, \(texts.count) text rows, \(imageIDs?.count ?? texts.count) image ids")
    }
    guard images.dimension == texts.dimension else {
      throw refuse("image features have \(images.dimension) dimensions, text features \(texts.dimension)")
    }
  }

  private static func firstRows(of ids: [Int]) -> [Int] {
    var seen: Set<Int> = []
    return ids.indices.filter { seen.insert(ids[$0]).inserted }
  }

  /// `body` on the given rows of `matrix`; they are copied only where some are left out.
  private static func gathering<Result>(
    _ matrix: FeatureMatrix, rows: [Int], _ body: (FeatureMatrix) throws -> Result
  ) rethrows -> Result {
    if rows.count == matrix.count { return try body(matrix) }
    let gathered = rows.flatMap { matrix.rows($0..<$0 + 1).values }
    return try gathered.withUnsafeBufferPointer {
      try body(FeatureMatrix($0, count: rows.count, dimension: matrix.dimension))
    }
  }
}

extension RetrievalReport {
  private struct Key: CodingKey {
    let stringValue: String
    let intValue: Int? = nil

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private static let directions:
    [(name: String, metrics: WritableKeyPath<RetrievalReport, RetrievalMetrics> & Sendable)] = [
      ("image_to_text", \.imageToText), ("text_to_image", \.textToImage),
    ]

  private static let measures: [(name: String, value: WritableKeyPath<RetrievalMetrics, Double> & Sendable)] =
    [
      ("R@1", \.recallAt1), ("R@5", \.recallAt5), ("R@10", \.recallAt10), ("median_rank", \.medianRank),
      ("mean_rank", \.meanRank),
    ]

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for direction in Self.directions {
      for measure in Self.measures {
        let key = Key(stringValue: "\(direction.name)_\(measure.name)")
        try container.encode(self[keyPath: direction.metrics][keyPath: measure.value], forKey: key)
      }
    }
    try container.encode(count, forKey: Key(stringValue: "count"))
    try container.encode(chanceRecallAt1, forKey: Key(stringValue: "chance_R@1"))
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    imageToText = RetrievalMetrics(ranks: [1])
    textToImage = imageToText
    count = try container.decode(Int.self, forKey: Key(stringValue: "count"))
    chanceRecallAt1 = try container.decode(Double.self, forKey: Key(stringValue: "chance_R@1"))
    for direction in Self.directions {
      for measure in Self.measures {
        let key = Key(stringValue: "\(direction.name)_\(measure.name)")
        self[keyPath: direction.metrics][keyPath: measure.value] = try container.decode(
          Double.self, forKey: key)
      }
    }
  }
}
