import Captions

/// What is kept of a sample between the passes, 40 bytes.
struct SampleMeasurement: BitwiseCopyable, Equatable {
  /// Came through every rule that tells of a sample by itself.
  static let passed: UInt16 = .max
  /// Could not be read; `reason` says why.
  static let unreadable: UInt16 = .max - 1

  /// The number of the first rule that dropped it, or one of the two above.
  var verdict: UInt16 = passed
  /// A place in the shard's list of reasons.
  var reason: UInt16 = 0
  var languageBefore: UInt8 = 0
  var languageAfter: UInt8 = 0
  var hasSimilarity: UInt8 = 0
  var unused: UInt8 = 0
  var width: UInt32 = 0
  var height: UInt32 = 0
  var charactersBefore: UInt32 = 0
  var charactersAfter: UInt32 = 0
  var tokensBefore: UInt32 = 0
  var tokensAfter: UInt32 = 0
  var similarity: Float = 0
  /// Fills up to the next multiple of 8.
  var padding: UInt32 = 0

  var isReadable: Bool { verdict != Self.unreadable }

  /// Whether it comes to rule `rule`, as far as its own properties decide.
  static func reaches(_ verdict: UInt16, rule: Int) -> Bool {
    verdict == passed || (verdict != unreadable && Int(verdict) > rule)
  }
}

extension SampleMeasurement {
  init(unreadableFor reason: Int) {
    verdict = Self.unreadable
    self.reason = UInt16(reason)
  }

  /// The sample as it came.
  init(before candidate: Candidate) {
    languageBefore = candidate.language.rawValue
    width = UInt32(clamping: candidate.width)
    height = UInt32(clamping: candidate.height)
    charactersBefore = UInt32(clamping: candidate.characterCount)
    tokensBefore = UInt32(clamping: candidate.tokenCount ?? 0)
    note(after: candidate)
  }

  /// The sample as the rules have left it.
  mutating func note(after candidate: Candidate) {
    languageAfter = candidate.language.rawValue
    charactersAfter = UInt32(clamping: candidate.characterCount)
    tokensAfter = UInt32(clamping: candidate.tokenCount ?? 0)
    if let similarity = candidate.similarity {
      self.similarity = similarity
      hasSimilarity = 1
    }
  }
}

extension CaptionLanguage {
  static func stored(_ value: UInt8) -> CaptionLanguage { CaptionLanguage(rawValue: value) ?? .other }
}
