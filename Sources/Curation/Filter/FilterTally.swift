import Captions
import Charts

/// Samples counted: all readable ones as they came, or those that are left as they are now.
package struct SampleTally: Codable, Equatable, Sendable {
  package private(set) var samples = 0
  package private(set) var languages: [String: Int]
  /// By `ReportLimit.Distribution`; those that were not measured are not here.
  package private(set) var distributions: [String: Distribution] = [:]

  init() { languages = Dictionary(uniqueKeysWithValues: CaptionLanguage.allCases.map { ($0.tag, 0) }) }

  mutating func add(language: UInt8, _ values: [(ReportLimit.Distribution, Double)]) {
    samples += 1
    languages[CaptionLanguage.stored(language).tag]! += 1
    for (distribution, value) in values {
      distributions[distribution.rawValue, default: Distribution(distribution.bins)]
        .add(value, bins: distribution.bins)
    }
  }

  mutating func add(_ other: SampleTally) {
    samples += other.samples
    languages.merge(other.languages, uniquingKeysWith: +)
    for (name, distribution) in other.distributions {
      if distributions[name]?.add(distribution) == nil { distributions[name] = distribution }
    }
  }
}

/// What the passes found, added up over some of the shards.
struct FilterTally: Codable, Equatable {
  var before = SampleTally()
  var after = SampleTally()
  /// By the number of the rule that tells of a sample by itself.
  var dropped: [Int: Int] = [:]
  var unreadable: [String: Int] = [:]
  var rejected: [String: Int] = [:]
  /// By shard.
  var faults: [Int: String] = [:]

  mutating func add(_ other: FilterTally) {
    before.add(other.before)
    after.add(other.after)
    dropped.merge(other.dropped, uniquingKeysWith: +)
    unreadable.merge(other.unreadable, uniquingKeysWith: +)
    rejected.merge(other.rejected, uniquingKeysWith: +)
    faults.merge(other.faults) { first, _ in first }
  }

  mutating func add(shard: Int, of corpus: Corpus, countsTokens: Bool) throws {
    let file = try MeasurementFile(corpus.measurements[shard])
    rejected.merge(file.header.rejected, uniquingKeysWith: +)
    if let fault = file.header.fault { faults[shard] = fault }
    for (index, sample) in try file.measurements().enumerated() {
      guard sample.isReadable else {
        unreadable[file.header.reasons[Int(sample.reason)], default: 0] += 1
        continue
      }
      before.add(
        language: sample.languageBefore,
        sample.values(sample.charactersBefore, countsTokens ? sample.tokensBefore : nil))
      if corpus.dropped[corpus.starts[shard] + index] { continue }
      guard sample.verdict == SampleMeasurement.passed else {
        dropped[Int(sample.verdict), default: 0] += 1
        continue
      }
      after.add(
        language: sample.languageAfter,
        sample.values(sample.charactersAfter, countsTokens ? sample.tokensAfter : nil))
    }
  }
}

extension SampleMeasurement {
  fileprivate func values(_ characters: UInt32, _ tokens: UInt32?) -> [(ReportLimit.Distribution, Double)] {
    let (short, long) = (Double(min(width, height)), Double(max(width, height)))
    var values: [(ReportLimit.Distribution, Double)] = [
      (.shorterSide, short), (.aspect, long / short), (.megapixels, short * long / 1e6),
      (.characters, Double(characters)),
    ]
    if let tokens { values.append((.tokens, Double(tokens))) }
    if hasSimilarity == 1 { values.append((.similarity, Double(similarity))) }
    return values
  }
}
