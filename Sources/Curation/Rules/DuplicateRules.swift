/// `exact_duplicates: picture`: of pictures with the same bytes (128 bits of their SHA-256) the first stays; `pair`: of
/// those that also have the same caption.
struct ExactDuplicates: CorpusRule {
  static let key = "exact_duplicates"
  private enum Scope: String, CaseIterable { case picture, pair }
  private let scope: Scope

  init(_ settings: RuleSettings) throws {
    let scopes = try settings.list(Scope.allCases.map(\.rawValue), Scope.init(rawValue:))
    guard scopes.count == 1 else { throw settings.fault("expected one of picture and pair") }
    scope = scopes[0]
  }

  func trait(of candidate: Candidate) -> SampleTrait? {
    guard scope == .pair else { return SampleTrait(digest: candidate.pictureDigest) }
    return SampleTrait(
      digest: CandidateReader.digest(candidate.pictureDigest + Array(candidate.caption.utf8)))
  }

  let comparison = TraitComparison.keepFirst(1)
}

/// `near_duplicates: 4`: a picture goes when the perceptual hash of an earlier one differs in at most so many of 64 bits.
///
/// The earlier one need not stay itself. So a chain of pictures, each a little different from the last, leaves its first.
struct NearDuplicates: CorpusRule {
  static let key = "near_duplicates"
  let distance: Int

  init(_ settings: RuleSettings) throws { distance = try settings.integer(in: 0...16) }

  var needs: CandidateNeeds { .perceptualHash }

  func trait(of candidate: Candidate) -> SampleTrait? {
    candidate.perceptualHash.map { SampleTrait(low: $0.bits) }
  }

  var comparison: TraitComparison { .withinDistance(distance) }
}

/// `max_caption_repeats: 10`: of samples with the same caption so many stay, the first ones.
struct MaxCaptionRepeats: CorpusRule {
  static let key = "max_caption_repeats"
  let count: Int

  init(_ settings: RuleSettings) throws { count = try settings.integer(in: 1...1_000_000_000) }

  func trait(of candidate: Candidate) -> SampleTrait? {
    SampleTrait(digest: CandidateReader.digest(Array(candidate.caption.utf8)))
  }

  var comparison: TraitComparison { .keepFirst(count) }
}
