import Captions

/// `clean_caption: [nfc, html, urls, whitespace]`: steps in the order given; a caption of which nothing is left goes.
struct CleanCaption: CaptionRule {
  static let key = "clean_caption"
  let steps: [CleaningStep]

  init(_ settings: RuleSettings) throws {
    steps = try settings.list(CleaningStep.allCases.map(\.rawValue), CleaningStep.init(rawValue:))
  }

  func rewritten(_ caption: String) -> String { steps.apply(to: caption) }
}

/// `drop_boilerplate: FILE`: takes the list's phrases out of the caption; one of which nothing is left goes.
struct DropBoilerplate: CaptionRule {
  static let key = "drop_boilerplate"
  let boilerplate: Boilerplate

  init(_ settings: RuleSettings) throws { boilerplate = try Boilerplate(contentsOf: settings.path()) }

  func rewritten(_ caption: String) -> String {
    let rest = boilerplate.removed(from: caption)
    return rest.contains { $0.isLetter || $0.isNumber || $0.isSymbol } ? rest : ""
  }
}

/// `caption_characters: [3, 1000]`: so many Unicode code points.
struct CaptionCharacters: SampleRule {
  static let key = "caption_characters"
  let range: ClosedRange<Int>

  init(_ settings: RuleSettings) throws { range = try settings.wholeRange(in: 0...2_000_000) }

  func admits(_ candidate: Candidate) -> Bool { range.contains(candidate.characterCount) }

  var limits: [ReportLimit] {
    [range.lowerBound, range.upperBound].map {
      ReportLimit(distribution: .characters, value: Double($0), label: Self.key)
    }
  }
}

/// `caption_tokens: [1, 75]`: so many ids of `tokenizer`, without those of start and end.
struct CaptionTokens: SampleRule {
  static let key = "caption_tokens"
  let range: ClosedRange<Int>

  init(_ settings: RuleSettings) throws { range = try settings.wholeRange(in: 0...2_000_000) }

  var needs: CandidateNeeds { .tokens }

  func admits(_ candidate: Candidate) -> Bool { range.contains(candidate.tokenCount ?? 0) }

  var limits: [ReportLimit] {
    [range.lowerBound, range.upperBound].map {
      ReportLimit(distribution: .tokens, value: Double($0), label: Self.key)
    }
  }
}

/// `languages: [ko, en]`: the caption's language is one of these.
struct Languages: SampleRule {
  static let key = "languages"
  let languages: [CaptionLanguage]

  init(_ settings: RuleSettings) throws {
    languages = try settings.list(CaptionLanguage.allCases.map(\.tag), CaptionLanguage.init(tag:))
  }

  func admits(_ candidate: Candidate) -> Bool { languages.contains(candidate.language) }
}
