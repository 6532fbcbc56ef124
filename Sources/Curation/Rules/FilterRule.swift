import Basics
import Captions
import Configuration

/// One line of a rules file: what a sample must be to stay.
///
/// A rule is a type in a file of its own, which `FilterRules.known` lists. It conforms to `SampleRule`,
/// `CaptionRule` or `CorpusRule`.
package protocol FilterRule: Sendable {
  /// Its name in a rules file and in reports.
  static var key: String { get }
  /// Reads the value at `key`.
  ///
  /// - Throws: `KelipError` where it is of the wrong kind or out of range.
  init(_ settings: RuleSettings) throws
  /// What must be known of a sample before the rule can tell.
  var needs: CandidateNeeds { get }
  /// Where the rule cuts, to be drawn into the report's distributions.
  var limits: [ReportLimit] { get }
}

/// Tells of each sample by itself.
package protocol SampleRule: FilterRule {
  /// Whether the sample stays.
  func admits(_ candidate: Candidate) -> Bool
}

/// Changes captions: the rules after it see, and the result has, the new one. A sample whose caption has nothing left goes.
package protocol CaptionRule: FilterRule {
  /// A pure function of the text; empty for a caption of which nothing is left.
  func rewritten(_ caption: String) -> String
}

/// Tells of a sample by the others: of those that came through all rules before this one.
package protocol CorpusRule: FilterRule {
  /// What is compared; nil where the sample has no such thing, and then the rule lets it through.
  func trait(of candidate: Candidate) -> SampleTrait?
  /// Which samples go, the order of shards and samples deciding between them.
  var comparison: TraitComparison { get }
}

extension FilterRule {
  package var needs: CandidateNeeds { [] }
  package var limits: [ReportLimit] { [] }
  var key: String { Self.key }
}

/// 128 bits that stand for a property of a sample.
package struct SampleTrait: BitwiseCopyable, Equatable, Sendable {
  var high: UInt64
  var low: UInt64

  init(high: UInt64 = 0, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The first 16 bytes of a digest.
  init(digest: [UInt8]) {
    precondition(digest.count >= 16)
    func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(high: word(digest[0..<8]), low: word(digest[8..<16]))
  }
}

/// How traits are held against each other.
package enum TraitComparison: Equatable, Sendable {
  /// The first so many samples with an equal trait stay.
  case keepFirst(Int)
  /// A sample goes when any earlier one differs in at most so many bits of the trait's lower half, whether that one
  /// stays or not: so the answer for a pair depends on the pair alone.
  case withinDistance(Int)
}

/// What a rule asks to be measured.
package struct CandidateNeeds: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let perceptualHash = CandidateNeeds(rawValue: 1)
  package static let tokens = CandidateNeeds(rawValue: 2)
  package static let similarity = CandidateNeeds(rawValue: 4)
}

/// A line across one of the report's distributions.
package struct ReportLimit: Equatable, Sendable {
  package enum Distribution: String, Sendable, CaseIterable {
    case shorterSide = "shorter_side"
    case aspect
    case megapixels
    case characters
    case tokens
    case similarity
  }

  package var distribution: Distribution
  package var value: Double
  package var label: String
}
