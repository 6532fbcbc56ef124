import Basics
import Foundation

/// `DataStatistics` as text for people and as JSON.
package struct StatsReport: CustomStringConvertible {
  static let frequentCaptionCount = 10
  private static let quantiles: [(String, Double)] = [
    ("p1", 0.01), ("p5", 0.05), ("p25", 0.25), ("median", 0.5), ("p75", 0.75), ("p95", 0.95), ("p99", 0.99),
  ]

  let statistics: DataStatistics
  /// Tokens that a model takes of a caption; nil without a tokenizer.
  let contextLength: Int?

  package init(_ statistics: DataStatistics, contextLength: Int?) {
    self.statistics = statistics
    self.contextLength = contextLength
  }

  // MARK: JSON

  package var json: JSONText {
    var fields: [(String, JSONText)] = [
      ("shards", .integer(statistics.shardCount)), ("samples", .integer(statistics.sampleCount)),
      ("bytes", .integer(statistics.byteCount)),
    ]
    fields += DataTally.allCases.map { ($0.rawValue, Self.json(statistics.counts($0))) }
    fields += DataMeasure.allCases.map { ($0.rawValue, json($0)) }
    fields.append(("captions", captions))
    return .object(fields)
  }

  private static func json(_ counts: [String: Int]) -> JSONText {
    .object(sorted(counts).map { ($0.key, .integer($0.value)) })
  }

  private func json(_ measure: DataMeasure) -> JSONText {
    let histogram = statistics.histogram(measure)
    guard histogram.count > 0 else { return .null }
    func number(_ value: Int) -> JSONText {
      measure.scale == 1 ? .integer(value) : .number(Double(value) / Double(measure.scale))
    }
    let bins = MeasureBins(measure, histogram)
    var fields: [(String, JSONText)] = [
      ("count", .integer(histogram.count)), ("min", number(histogram.minimum)),
      ("max", number(histogram.maximum)), ("mean", .number(histogram.mean / Double(measure.scale))),
    ]
    fields += Self.quantiles.map { ($0.0, number(histogram.quantile($0.1))) }
    if measure == .captionTokens, let contextLength {
      fields.append(("longer_than_context", .integer(histogram.countAbove(contextLength))))
    }
    fields += [
      ("bin_edges", .array(bins.counts.bins.edges.map(JSONText.number))),
      ("bin_counts", .array(bins.counts.counts.map(JSONText.integer))),
    ]
    return .object(fields)
  }

  private var captions: JSONText {
    let captions = statistics.captions
    let frequent = statistics.frequentCaptions(Self.frequentCaptionCount).map { entry in
      JSONText.object([("count", .integer(entry.count)), ("caption", .string(entry.text))])
    }
    return .object([
      ("total", .integer(captions.total)), ("distinct", .integer(captions.distinctCount)),
      ("repeated", .integer(captions.repeatedCount)), ("is_estimate", .bool(!captions.isExact)),
      ("most_frequent", .array(frequent)),
    ])
  }

  // MARK: Text

  package var description: String {
    ([headline] + tallies + [""] + table + [""] + captionLines).joined(separator: "\n")
  }

  var headline: String {
    let shards = statistics.shardCount == 1 ? "1 shard" : "\(statistics.shardCount.digitGrouped) shards"
    return "\(statistics.sampleCount.digitGrouped) samples in \(shards), "
      + Self.bytes(statistics.byteCount)
  }

  private var tallies: [String] {
    DataTally.allCases.compactMap { tally in
      let counts = statistics.counts(tally)
      guard !counts.isEmpty else { return nil }
      let whole = counts.values.reduce(0, +)
      let shown = Self.sorted(counts).map { name, count in
        let share = tally == .language || tally == .format ? " (\(Self.share(of: count, in: whole)))" : ""
        return "\(name) \(count.digitGrouped)\(share)"
      }
      return Self.padded(tally.rawValue.replacing("_", with: " "), to: 20)
        + shown.joined(separator: ", ")
    }
  }

  private var table: [String] {
    let heads = ["min", "5 %", "median", "95 %", "max", "mean"].map { Self.padded($0, to: 11, isRight: true) }
    let rows = DataMeasure.allCases.compactMap { measure -> String? in
      let histogram = statistics.histogram(measure)
      guard histogram.count > 0 else { return nil }
      let values = [
        histogram.minimum, histogram.quantile(0.05), histogram.quantile(0.5), histogram.quantile(0.95),
        histogram.maximum,
      ].map { Self.text($0, measure) }
      let mean = String(format: "%.\(measure.scale == 1 ? 1 : 3)f", histogram.mean / Double(measure.scale))
      return Self.padded(measure.rawValue.replacing("_", with: " "), to: 20)
        + (values + [mean]).map { Self.padded($0, to: 11, isRight: true) }.joined()
    }
    return [Self.padded("", to: 20) + heads.joined()] + rows + cutNote
  }

  private var cutNote: [String] {
    let tokens = statistics.histogram(.captionTokens)
    guard let contextLength, tokens.count > 0 else { return [] }
    let above = tokens.countAbove(contextLength)
    return [
      "\(above.digitGrouped) captions (\(Self.share(of: above, in: tokens.count))) have more than "
        + "\(contextLength) tokens and are cut"
    ]
  }

  private var captionLines: [String] {
    let captions = statistics.captions
    let about = captions.isExact ? "" : "about "
    let head =
      "\(about)\(captions.distinctCount.digitGrouped) different captions, "
      + "\(about)\(captions.repeatedCount.digitGrouped) of them occur more than once"
      + (captions.isExact
        ? "" : " (estimates: beyond \(captions.capacity.digitGrouped) captions a part is counted)")
    return [head]
      + statistics.frequentCaptions(Self.frequentCaptionCount).map {
        "\(Self.padded($0.count.digitGrouped, to: 9, isRight: true)) × \(Self.oneLine($0.text))"
      }
  }

  // MARK: Formatting

  /// Most first, in the order of names where equal.
  static func sorted(_ counts: [String: Int]) -> [(key: String, value: Int)] {
    counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
  }

  static func text(_ value: Int, _ measure: DataMeasure) -> String {
    measure.scale == 1 ? value.digitGrouped : String(format: "%.2f", Double(value) / Double(measure.scale))
  }

  static func share(of count: Int, in whole: Int) -> String {
    String(format: "%.1f %%", 100 * Double(count) / Double(max(1, whole)))
  }

  static func bytes(_ count: Int) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")]
    guard let (size, name) = units.first(where: { Double(count) >= $0.0 }) else { return "\(count) bytes" }
    return String(format: "%.1f %@", Double(count) / size, name)
  }

  static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  static func padded(_ text: String, to width: Int, isRight: Bool = false) -> String {
    let blanks = String(repeating: " ", count: max(0, width - text.count))
    return isRight ? blanks + text : text + blanks
  }
}
