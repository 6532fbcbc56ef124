/// A row's index with its score; `<` puts the better one first.
package struct RankedScore: Equatable, Comparable, Sendable {
  package var index: Int
  package var score: Float

  package init(index: Int, score: Float) {
    self.index = index
    self.score = score
  }

  /// The greater score first, then the smaller index; a NaN comes last.
  package static func < (a: RankedScore, b: RankedScore) -> Bool {
    if a.score.isNaN || b.score.isNaN {
      return a.score.isNaN == b.score.isNaN ? a.index < b.index : b.score.isNaN
    }
    return a.score != b.score ? a.score > b.score : a.index < b.index
  }

  static func best(_ scores: some Sequence<RankedScore>) -> RankedScore? { scores.min() }
}

/// The best rows of a matrix for a query, under the order of `RankedScore`.
package enum TopK {
  /// The `k` best candidates of each query, best first; fewer where there are fewer candidates.
  package static func search(
    queries: FeatureMatrix, candidates: FeatureMatrix, k: Int, scoreTile: ScoreTile = ScoreTiles.plain
  ) -> [[RankedScore]] {
    var results: [[RankedScore]] = []
    results.reserveCapacity(queries.count)
    ScoreTiles.forEachRow(of: queries, against: candidates, scoreTile: scoreTile) { _, scores in
      results.append(best(of: scores, k: k))
    }
    return results
  }

  /// The indices of the `k` greatest `scores`, best first.
  package static func best(of scores: UnsafeBufferPointer<Float>, k: Int) -> [RankedScore] {
    precondition(k >= 0)
    var best: [RankedScore] = []
    for (index, score) in scores.enumerated() {
      let new = RankedScore(index: index, score: score)
      if best.count == k {
        guard let last = best.last, new < last else { continue }
        best.removeLast()
      }
      best.insert(new, at: best.firstIndex { new < $0 } ?? best.count)
    }
    return best
  }
}
