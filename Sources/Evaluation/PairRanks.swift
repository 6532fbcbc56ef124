import Collectives
import Kernels

/// The ranks of `RetrievalMetrics.ranks` in both directions from one pass over the scores of pictures and texts: a score
/// says where the text stands for the picture, and where the picture stands for the text.
package struct PairRanks: Equatable, Sendable {
  /// Of each picture the rank of its best text, from 1.
  package private(set) var ofPictures: [Int]
  /// Of each text the rank of its picture, from 1.
  package private(set) var ofTexts: [Int]
}

extension PairRanks {
  /// Scores that are computed at a time, rows by columns: 8 MB, which stay in the cache until they are counted.
  private static let (tileRows, tileColumns) = (512, 4096)

  /// - Parameters:
  ///   - pictureOfText: of each text the row of its picture; every picture has one.
  ///   - scoreTile: a score may depend on its two rows alone, or ties are broken by its rounding.
  ///   - communicator: its ranks share the pictures; all call it with the same rows and get the same.
  package init(
    pictures: FeatureMatrix, texts: FeatureMatrix, pictureOfText: [Int], scoreTile: ScoreTile,
    _ communicator: any Communicator = SoloCommunicator()
  ) throws {
    precondition(pictureOfText.count == texts.count && pictures.dimension == texts.dimension)
    let mine = communicator.share(of: pictures.count)
    var matches = Matches(pictures, texts, pictureOfText, scoreTile)
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: Self.tileRows * Self.tileColumns)
    defer { buffer.deallocate() }
    for rows in Self.tiles(of: mine, Self.tileRows) {
      for columns in Self.tiles(of: 0..<texts.count, Self.tileColumns) {
        let scores = UnsafeMutableBufferPointer(rebasing: buffer[..<(rows.count * columns.count)])
        scoreTile(pictures.rows(rows), texts.rows(columns), scores)
        matches.count(ScoreTileCounts(scores.baseAddress!, rows: rows, columns: columns))
      }
    }
    ofPictures = try communicator.sums(matches.aheadOfPictures).map { $0 + 1 }
    ofTexts = try communicator.sums(matches.aheadOfTexts).map { $0 + 1 }
  }

  private static func tiles(of range: Range<Int>, _ size: Int) -> [Range<Int>] {
    stride(from: range.lowerBound, to: range.upperBound, by: size).map {
      $0..<min($0 + size, range.upperBound)
    }
  }
}

/// What belongs together, and how many others have been found to stand ahead of it.
private struct Matches {
  /// Of each picture its best text and that one's score.
  private var bestTexts: [Int32]
  private var bestScores: [Float]
  /// Of each text its picture, and the score of the two.
  private let pictures: [Int32]
  private let scores: [Float]
  private(set) var aheadOfPictures: [Int32]
  private(set) var aheadOfTexts: [Int32]

  init(_ images: FeatureMatrix, _ texts: FeatureMatrix, _ pictureOfText: [Int], _ scoreTile: ScoreTile) {
    pictures = pictureOfText.map { Int32($0) }
    scores = Self.scores(images, texts, pictureOfText, scoreTile)
    var best = [RankedScore?](repeating: nil, count: images.count)
    for (text, picture) in pictureOfText.enumerated() {
      let new = RankedScore(index: text, score: scores[text])
      best[picture] = best[picture].map { min($0, new) } ?? new
    }
    bestTexts = best.map { Int32($0!.index) }
    bestScores = best.map { $0!.score }
    aheadOfPictures = [Int32](repeating: 0, count: images.count)
    aheadOfTexts = [Int32](repeating: 0, count: texts.count)
  }

  /// Of each text the score with its picture: the diagonals of small tiles.
  private static func scores(
    _ images: FeatureMatrix, _ texts: FeatureMatrix, _ pictureOfText: [Int], _ scoreTile: ScoreTile
  ) -> [Float] {
    let size = 32
    var tile = [Float](repeating: 0, count: size * size)
    return stride(from: 0, to: texts.count, by: size).flatMap { start in
      let range = start..<min(start + size, texts.count)
      let own = pictureOfText[range].flatMap { images.rows($0..<$0 + 1).values }
      own.withUnsafeBufferPointer { own in
        tile.withUnsafeMutableBufferPointer {
          scoreTile(
            FeatureMatrix(own, count: range.count, dimension: images.dimension), texts.rows(range),
            UnsafeMutableBufferPointer(rebasing: $0[..<(range.count * range.count)]))
        }
      }
      return range.indices.map { tile[($0 - start) * range.count + $0 - start] }
    }
  }

  mutating func count(_ tile: ScoreTileCounts) {
    tile.addAhead(ofRows: bestScores, at: bestTexts, to: &aheadOfPictures)
    tile.addAhead(ofColumns: scores, at: pictures, to: &aheadOfTexts)
    // Matches are not ahead of one another.
    for text in tile.columns {
      let picture = Int(pictures[text])
      guard tile.rows.contains(picture) else { continue }
      let score = tile[picture, text]
      let best = (place: Int(bestTexts[picture]), score: bestScores[picture])
      if Self.isAhead(score, text, of: best.score, best.place) { aheadOfPictures[picture] -= 1 }
      if Self.isAhead(score, picture, of: scores[text], picture) { aheadOfTexts[text] -= 1 }
    }
  }

  private static func isAhead(_ score: Float, _ place: Int, of limit: Float, _ limitPlace: Int) -> Bool {
    !(score < limit || (score == limit && place >= limitPlace))
  }
}

extension Communicator {
  /// Σ over ranks of each number.
  fileprivate func sums(_ mine: [Int32]) throws -> [Int] {
    guard worldSize > 1 else { return mine.map { Int($0) } }
    var sums = mine.map { Double($0) }
    try sums.withUnsafeMutableBufferPointer { try allReduceSum($0) }
    return sums.map { Int($0) }
  }
}
