/// Questions for feature arithmetic, after SIMAT (Couairon et al. 2022): a picture, a word of its caption and another one
/// that leads to the caption of other pictures, as `a man runs` and `a woman runs`.
package struct AnalogyTriples: Sendable, Equatable {
  package struct Triple: Sendable, Equatable {
    /// The row of the picture that is asked about.
    package var source: Int
    package var from: String
    package var to: String
    /// The caption of the pictures that are right.
    package var target: String
  }

  package let triples: [Triple]

  /// - Parameters:
  ///   - captions: a row each.
  ///   - minimum: pairs of captions in which a change of words must occur, so that it is one and no accident.
  package init(captions: [String], minimum: Int) {
    struct Place: Hashable {
      var words: [Substring]
      var position: Int
    }
    var places: [Place: [(row: Int, word: Substring)]] = [:]
    for (row, caption) in captions.enumerated() {
      let words = caption.split(whereSeparator: \.isWhitespace)
      guard words.count > 1 else { continue }
      for position in words.indices {
        var rest = words
        rest[position] = ""
        places[Place(words: rest, position: position), default: []].append((row, words[position]))
      }
    }
    var found: [Triple] = []
    var changes: [[Substring]: Int] = [:]
    for members in places.values where members.count > 1 {
      let words = Set(members.map(\.word))
      for source in members {
        for word in words where word != source.word {
          let target = members.first { $0.word == word }!.row
          found.append(
            Triple(source: source.row, from: String(source.word), to: String(word), target: captions[target]))
        }
      }
      for from in words { for to in words where to != from { changes[[from, to], default: 0] += 1 } }
    }
    triples = found.filter { changes[[Substring($0.from), Substring($0.to)]]! >= minimum }.sorted {
      ($0.source, $0.to, $0.target) < ($1.source, $1.to, $1.target)
    }
  }
}
