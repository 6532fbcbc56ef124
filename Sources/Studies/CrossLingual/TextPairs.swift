import Basics
import Imaging
import ShardStream

/// Korean and English texts that say the same: of the same picture, or of a table.
package struct TextPairs: Sendable, Equatable {
  package struct Pair: Sendable, Hashable {
    package var korean: String
    package var english: String
    /// Nil where none is told.
    package var theme: String?
  }

  /// Each pair of texts once, in the order of the data.
  package let pairs: [Pair]

  package init(_ all: [Pair], from source: String) throws {
    var seen = Set<[String]>()
    pairs = all.filter { seen.insert([$0.korean, $0.english]).inserted }
    guard !pairs.isEmpty else {
      throw KelipError("there are no pairs of a Korean and an English text", at: source)
    }
  }

  /// The captions of samples of one picture each in a language, in the order of the Korean ones.
  ///
  /// - Parameters:
  ///   - pairKey: of the samples' metadata; equal for samples of the same picture.
  ///   - themeKey: of the metadata, too.
  package init(shards: [String], pairKey: String, themeKey: String) throws {
    let catalogue = try ShardCatalogue.load(try ShardList.resolve(shards))
    // No picture is decoded.
    let samples = EvaluationSamples(
      source: SampleSource(catalogue: catalogue), batchSize: 1, preparation: ImagePreparation(size: 1))
    func captions(_ language: String) throws -> [(picture: String, caption: String, theme: String?)] {
      try samples.numbers(ofLanguage: language).compactMap { number in
        guard let metadata = try samples.metadata(number), let picture = metadata[pairKey] as? String else {
          return nil
        }
        return (picture, try samples.caption(number), metadata[themeKey] as? String)
      }
    }
    let english = Dictionary(grouping: try captions("en"), by: \.picture)
    let all = try captions("ko").flatMap { korean in
      (english[korean.picture] ?? []).map {
        Pair(korean: korean.caption, english: $0.caption, theme: korean.theme)
      }
    }
    try self.init(all, from: "\(shards.joined(separator: ", ")): \(pairKey)")
  }

  /// A CSV or TSV file with a head: columns `ko` and `en`, and `theme` if there is one.
  package init(table path: String) throws {
    var columns = try NamedColumns(path, ["ko", "en"], optional: ["theme"])
    var all: [Pair] = []
    while let row = try columns.next() { all.append(Pair(korean: row[0]!, english: row[1]!, theme: row[2])) }
    try self.init(all, from: path)
  }
}
