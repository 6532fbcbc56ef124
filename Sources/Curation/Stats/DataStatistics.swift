import Captions
import Foundation
import ShardStream

/// A sample for the sheet of pictures, and where its picture lies.
struct PickedSample: Codable, Equatable, Sendable {
  /// The shard's number in the list.
  var shard: Int
  var key: String
  var image: MemberRange
  var caption: String
  /// Of the picture, `640 × 480`, or why it has none.
  var note: String
}

/// What is known of a set of shards. Parts of it, put together in any order, give the same.
package struct DataStatistics: Codable, Sendable {
  /// Different captions that are counted exactly.
  static let captionCapacity = 1 << 17
  /// Occurrences among which frequent captions are looked for beyond that.
  static let occurrenceCapacity = 1 << 15

  package internal(set) var shardCount = 0
  package internal(set) var sampleCount = 0
  /// Of the shards' files.
  package internal(set) var byteCount = 0
  package internal(set) var measures: [DataMeasure: IntegerHistogram] = [:]
  package internal(set) var tallies: [DataTally: [String: Int]] = [:]
  package internal(set) var captions = DistinctTexts(capacity: captionCapacity)
  var occurrences = EvenSample<String>(capacity: occurrenceCapacity)
  /// By language tag.
  var picked: [String: EvenSample<PickedSample>] = [:]

  mutating func count(_ tally: DataTally, _ name: String) {
    tallies[tally, default: [:]][name, default: 0] += 1
  }

  mutating func measure(_ measure: DataMeasure, _ value: Int) {
    measures[measure, default: IntegerHistogram()].add(value)
  }

  mutating func merge(_ other: DataStatistics) {
    shardCount += other.shardCount
    sampleCount += other.sampleCount
    byteCount += other.byteCount
    for (measure, histogram) in other.measures {
      measures[measure, default: IntegerHistogram()].merge(histogram)
    }
    for (tally, counts) in other.tallies {
      tallies[tally, default: [:]].merge(counts, uniquingKeysWith: +)
    }
    captions.merge(other.captions)
    occurrences.merge(other.occurrences)
    for (language, sample) in other.picked {
      if picked[language]?.merge(sample) == nil { picked[language] = sample }
    }
  }

  package func counts(_ tally: DataTally) -> [String: Int] { tallies[tally] ?? [:] }

  package func histogram(_ measure: DataMeasure) -> IntegerHistogram {
    measures[measure] ?? IntegerHistogram()
  }

  /// The captions that occur most often, more than once; estimated from an even sample of occurrences where there are
  /// too many different captions to count them all.
  package func frequentCaptions(_ limit: Int) -> [DistinctTexts.Entry] {
    guard !captions.isExact else { return captions.mostFrequent(limit) }
    let sample = occurrences.elements
    let hits = sample.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    return hits.filter { $0.value > 1 }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(limit)
      .map { DistinctTexts.Entry(count: $0.value * captions.total / sample.count, text: $0.key) }
  }
}
