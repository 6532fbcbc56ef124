import Basics
import Charts
import Evaluation

/// What pictures a word calls up in either language (question 3): where two words mean the same to a dictionary and other
/// pictures to their speakers, the pictures found first differ.
package struct CultureReport {
  package struct Entry {
    package var pair: WordPairs.Pair
    /// Rows of the gallery, best first.
    package var korean: [RankedScore]
    package var english: [RankedScore]

    /// How many of the k pictures are found by both words, as a fraction of k.
    package var overlap: Double {
      let both = Set(korean.map(\.index)).intersection(english.map(\.index))
      return Double(both.count) / Double(max(1, korean.count))
    }
  }

  package let entries: [Entry]
  private let gallery: Gallery

  /// - Parameter k: pictures of each word.
  package init(_ encoder: any FeatureEncoder, _ words: WordPairs, _ gallery: Gallery, k: Int) {
    self.gallery = gallery
    let korean = gallery.best(encoder.textFeatures(texts: words.pairs.map(\.korean)), k: k)
    let english = gallery.best(encoder.textFeatures(texts: words.pairs.map(\.english)), k: k)
    entries = words.pairs.indices.map {
      Entry(pair: words.pairs[$0], korean: korean[$0], english: english[$0])
    }
  }

  /// The mean over the words.
  package var meanOverlap: Double { entries.reduce(0) { $0 + $1.overlap } / Double(entries.count) }

  /// What two lists of k pictures drawn at random have in common, on average.
  package var chanceOverlap: Double { Double(entries[0].korean.count) / Double(gallery.count) }

  package var json: JSONText {
    func found(_ scores: [RankedScore]) -> JSONText {
      .array(
        scores.map {
          .object([("key", .string(gallery.keys[$0.index])), ("score", .number(Double($0.score)))])
        })
    }
    let words = entries.map { entry in
      JSONText.object([
        ("ko", .string(entry.pair.korean)), ("en", .string(entry.pair.english)),
        ("overlap", .number(entry.overlap)), ("ko_pictures", found(entry.korean)),
        ("en_pictures", found(entry.english)),
      ])
    }
    return .object([
      ("mean_overlap", .number(meanOverlap)), ("chance_overlap", .number(chanceOverlap)),
      ("pictures", .integer(gallery.count)), ("words", .array(words)),
    ])
  }

  /// Both lists of each word, one above the other; pictures that both words find say so.
  package func sheet(shown: Int) throws -> SampleSheet {
    let groups = try entries.flatMap { entry in
      let both = Set(entry.korean.map(\.index)).intersection(entry.english.map(\.index))
      let note = "overlap \(Int((100 * entry.overlap).rounded())) %"
      return try [(entry.pair.korean, entry.korean), (entry.pair.english, entry.english)].map { word, found in
        SampleSheet.Group(title: word, note: note, tiles: try found.prefix(shown).map { try tile($0, both) })
      }
    }
    return SampleSheet(title: "What a word calls up in Korean and in English", groups: groups)
  }

  private func tile(_ found: RankedScore, _ both: Set<Int>) throws -> SampleSheet.Tile {
    SampleSheet.Tile(
      picture: try gallery.picture(found.index), caption: gallery.captions[found.index],
      note: both.contains(found.index) ? "found by both" : "")
  }
}
