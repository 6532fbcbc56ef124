/// How well one modality finds the other: fractions of queries whose match is among the first k, and ranks from 1.
package struct RetrievalMetrics: Equatable, Sendable {
  package var recallAt1: Double
  package var recallAt5: Double
  package var recallAt10: Double
  /// The mean of the two middle ranks where their number is even.
  package var medianRank: Double
  package var meanRank: Double

  /// - Parameter ranks: the rank of each query's best match, from 1; not empty.
  package init(ranks: [Int]) {
    precondition(!ranks.isEmpty)
    let count = Double(ranks.count)
    func recall(at k: Int) -> Double { Double(ranks.count { $0 <= k }) / count }
    recallAt1 = recall(at: 1)
    recallAt5 = recall(at: 5)
    recallAt10 = recall(at: 10)
    let sorted = ranks.sorted()
    medianRank = Double(sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    meanRank = Double(ranks.reduce(0, +)) / count
  }

  /// The rank of each query's best match among `candidates`: the definition, for few queries and for tests of
  /// `PairRanks`.
  ///
  /// A candidate matches where its id is the query's. The rank of a match is one more than the non-matches ahead of it:
  /// those with a greater score, and those with an equal score and a smaller index. A score that is not a number loses
  /// against every other, so that a broken model cannot look perfect.
  ///
  /// - Parameters:
  ///   - queryIDs, candidateIDs: an id a row; each query has at least one match.
  ///   - scoreTile: computes `queries · candidatesᵀ`.
  package static func ranks(
    queries: FeatureMatrix, queryIDs: [Int], candidates: FeatureMatrix, candidateIDs: [Int],
    scoreTile: ScoreTile = ScoreTiles.plain
  ) -> [Int] {
    precondition(queryIDs.count == queries.count && candidateIDs.count == candidates.count)
    let matches = Dictionary(grouping: candidateIDs.indices) { candidateIDs[$0] }
    var ranks: [Int] = []
    ranks.reserveCapacity(queries.count)
    ScoreTiles.forEachRow(of: queries, against: candidates, scoreTile: scoreTile) { row, scores in
      let id = queryIDs[row]
      let best = RankedScore.best(matches[id]!.lazy.map { RankedScore(index: $0, score: scores[$0]) })!
      ranks.append(1 + nonMatchesAhead(of: best, id: id, scores: scores, candidateIDs: candidateIDs))
    }
    return ranks
  }

  static func nonMatchesAhead(
    of best: RankedScore, id: Int, scores: UnsafeBufferPointer<Float>, candidateIDs: [Int]
  ) -> Int {
    var ahead = 0
    for index in scores.indices where candidateIDs[index] != id {
      // Written so that a comparison with a NaN counts against the match.
      let behind = scores[index] < best.score || (scores[index] == best.score && index > best.index)
      if !behind { ahead += 1 }
    }
    return ahead
  }
}
