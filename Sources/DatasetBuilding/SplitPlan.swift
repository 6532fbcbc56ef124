import Basics

/// The two parts of a data set; the raw value names its folder.
package enum Split: String, CaseIterable, Codable, Sendable {
  case train
  case validation
}

/// One image-text pair of the data set to be.
struct PlannedSample {
  /// Index into the plan's pictures.
  var picture: Int
  var language: CaptionLanguage
}

/// Which pairs go into which split, and in what order: a pure function of the pictures and the seed.
struct SplitPlan {
  private(set) var samples: [Split: [PlannedSample]] = [.train: [], .validation: []]

  /// About one picture in ten is for validation, with all its captions. Pictures that look exactly alike go to
  /// the same side: a split that shares pixels measures memory. Pairs are then shuffled one by one, so that
  /// shards mix sources and languages, and one picture's two captions seldom meet in a batch.
  init(pictures: [CaptionedPicture], seed: UInt64) {
    let leaders = Self.leaders(pictures)
    var keyed: [Split: [(key: String, sample: PlannedSample)]] = [:]
    for (index, picture) in pictures.enumerated() {
      let draw = Self.hash("\(seed) split \(leaders[picture.pixelDigest]!)").prefix(8)
      let split: Split = UInt64(draw, radix: 16)! % 10 == 0 ? .validation : .train
      for language in CaptionLanguage.allCases where picture.captions[language] != nil {
        let key = Self.hash("\(seed) order \(picture.id) \(language.rawValue)")
        keyed[split, default: []].append((key, PlannedSample(picture: index, language: language)))
      }
    }
    samples.merge(keyed.mapValues { $0.sorted { $0.key < $1.key }.map(\.sample) }) { $1 }
  }

  /// For every look, the smallest id among the pictures that have it.
  private static func leaders(_ pictures: [CaptionedPicture]) -> [String: String] {
    Dictionary(pictures.map { ($0.pixelDigest, $0.id) }, uniquingKeysWith: min)
  }

  private static func hash(_ text: String) -> String { SHA256Hasher.hexDigest(of: Array(text.utf8)) }
}
