import Basics
import Evaluation

/// How often image + λ · (new word − old word) finds a picture of the changed caption.
package struct AnalogyBenchmark {
  package struct Row: Sendable, Equatable {
    /// λ; 0 is the picture alone.
    package var weight: Float
    package var recallAt1: Double
    package var recallAt5: Double
  }

  package let count: Int
  package let rows: [Row]

  /// The picture that is asked about is never an answer.
  ///
  /// - Parameter triples: over the gallery's rows; not empty.
  package init(_ encoder: any FeatureEncoder, _ gallery: Gallery, _ triples: AnalogyTriples, weights: [Float])
  {
    let triples = triples.triples
    precondition(!triples.isEmpty)
    count = triples.count
    let words = Set(triples.flatMap { [$0.from, $0.to] }).sorted()
    let dimension = gallery.features.dimension
    let unit = Features(images: encoder.textFeatures(texts: words), texts: [], dimension: dimension)
      .normalised()
    let place = Dictionary(uniqueKeysWithValues: words.enumerated().map { ($1, $0 * dimension) })
    rows = weights.map { weight in
      let queries = triples.flatMap { triple -> [Float] in
        let (image, from, to) = (triple.source * dimension, place[triple.from]!, place[triple.to]!)
        return (0..<dimension).map {
          gallery.features.images[image + $0] + weight * (unit.images[to + $0] - unit.images[from + $0])
        }
      }
      let places = zip(triples, gallery.best(queries, k: 6)).map { triple, found -> Int? in
        let others = found.filter { $0.index != triple.source }.prefix(5)
        return Array(others).firstIndex { gallery.captions[$0.index] == triple.target }
      }
      return Row(
        weight: weight, recallAt1: Double(places.count { $0 == 0 }) / Double(triples.count),
        recallAt5: Double(places.count { $0 != nil }) / Double(triples.count))
    }
  }

  package var json: JSONText {
    .object([
      ("count", .integer(count)),
      (
        "weights",
        .array(
          rows.map {
            .object([
              ("weight", .number(Double($0.weight))), ("R@1", .number($0.recallAt1)),
              ("R@5", .number($0.recallAt5)),
            ])
          })
      ),
    ])
  }
}
