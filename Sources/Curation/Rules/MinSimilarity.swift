import Captions
import Configuration

/// `min_similarity: 0.28`: the cosine of picture and caption under `model` is at least this (LAION's method).
///
/// `{ko: 0.26, en: 0.28}` gives each language its own; a language that is not named is let through. A picture that cannot
/// be measured (beyond `max_pixels`, or so long and narrow that resizing would make an enormous picture) goes.
struct MinSimilarity: SampleRule {
  static let key = "min_similarity"
  /// By language; one that is not here has no threshold.
  let thresholds: [CaptionLanguage: Double]

  init(_ settings: RuleSettings) throws {
    let (reader, key) = (settings.reader, settings.key)
    guard let tags = reader.keys(of: key) else {
      let threshold = try settings.number(in: -1...1)
      thresholds = Dictionary(uniqueKeysWithValues: CaptionLanguage.allCases.map { ($0, threshold) })
      return
    }
    var thresholds: [CaptionLanguage: Double] = [:]
    for tag in tags {
      guard let language = CaptionLanguage(tag: tag) else {
        throw reader.fault("\(key).\(tag)", "unknown language", hint: "ko, en or other")
      }
      thresholds[language] = try reader.number("\(key).\(tag)", in: -1...1)
    }
    self.thresholds = thresholds
  }

  var needs: CandidateNeeds { .similarity }

  func admits(_ candidate: Candidate) -> Bool {
    guard let threshold = thresholds[candidate.language] else { return true }
    guard let similarity = candidate.similarity else { return false }
    return Double(similarity) >= threshold
  }

  var limits: [ReportLimit] {
    let isOne = Set(thresholds.values).count == 1 && thresholds.count == CaptionLanguage.allCases.count
    return CaptionLanguage.allCases.prefix(isOne ? 1 : CaptionLanguage.allCases.count).compactMap {
      language in
      thresholds[language].map {
        ReportLimit(distribution: .similarity, value: $0, label: isOne ? "min_similarity" : language.tag)
      }
    }
  }
}
