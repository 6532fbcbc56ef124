import Basics
import Collectives
import Foundation

/// What a filter did: how many samples came, how many each rule dropped, and what is left.
package struct FilterReport: Codable, Equatable, Sendable {
  static let jsonName = "report.json"

  package struct RuleCount: Codable, Equatable, Sendable {
    package var rule: String
    package var dropped: Int
  }

  /// Shards that were read, and that were written.
  package var inputShards: Int
  package var outputShards: Int
  /// Samples that could be read or not.
  package var samples: Int
  package var kept: Int
  /// Samples that no training could use, by reason.
  package var unreadable: [String: Int]
  /// In the order of the rules.
  package var rules: [RuleCount]
  /// Groups of members that are no samples, by reason.
  package var rejected: [String: Int]
  /// Damaged shards: what stands before the damage was used.
  package var damaged: [String]
  package var before: SampleTally
  package var after: SampleTally
  /// Where rules cut, by distribution.
  package var limits: [String: [Double]]

  enum CodingKeys: String, CodingKey {
    case samples, kept, unreadable, rules, rejected, damaged, before, after, limits
    case inputShards = "input_shards"
    case outputShards = "output_shards"
  }

  /// Adds up over the shards, dealt to the ranks.
  init(
    _ rules: [any FilterRule], _ corpus: Corpus, corpusDrops: [Int: Int], shards: [URL], shardCount: Int,
    countsTokens: Bool, communicator: any Communicator
  ) throws {
    let tally = try Self.tally(corpus, shards.count, countsTokens: countsTokens, communicator)
    inputShards = shards.count
    outputShards = shardCount
    unreadable = tally.unreadable
    samples = tally.before.samples + tally.unreadable.values.reduce(0, +)
    kept = tally.after.samples
    self.rules = rules.enumerated().map { number, rule in
      RuleCount(rule: rule.key, dropped: corpusDrops[number] ?? tally.dropped[number] ?? 0)
    }
    rejected = tally.rejected
    damaged = tally.faults.sorted { $0.key < $1.key }.map { "\(shards[$0.key].path): \($0.value)" }
    before = tally.before
    after = tally.after
    limits = Dictionary(grouping: rules.flatMap(\.limits), by: \.distribution.rawValue).mapValues {
      $0.map(\.value)
    }
  }

  private static func tally(
    _ corpus: Corpus, _ shardCount: Int, countsTokens: Bool, _ communicator: any Communicator
  ) throws -> FilterTally {
    let mine = try communicator.agree {
      var tally = FilterTally()
      for shard in stride(from: communicator.rank, to: shardCount, by: communicator.worldSize) {
        try tally.add(shard: shard, of: corpus, countsTokens: countsTokens)
      }
      return tally
    }
    let parts = try communicator.allGatherBytes(Array(JSONEncoder.stable.encode(mine)))
    return try parts.map { try JSONDecoder().decode(FilterTally.self, from: Data($0)) }
      .reduce(into: FilterTally()) { $0.add($1) }
  }

  init(json: Data) throws { self = try JSONDecoder().decode(FilterReport.self, from: json) }

  package func json() throws -> Data {
    let encoder = JSONEncoder.stable
    encoder.outputFormatting.insert(.prettyPrinted)
    return try encoder.encode(self)
  }
}

extension FilterReport: CustomStringConvertible {
  package var description: String {
    var lines = ["\(samples.digitGrouped) samples in \(inputShards.digitGrouped) shards"]
    func line(_ name: String, _ count: Int) {
      let share = samples == 0 ? 0 : 100 * Double(count) / Double(samples)
      lines.append("  \(Self.column(name, 34)) \(Self.right(count.digitGrouped, 15)) \(Self.percent(share))")
    }
    for (reason, count) in unreadable.sorted(by: { $0.key < $1.key }) { line("unreadable: \(reason)", count) }
    for rule in rules { line("dropped by \(rule.rule)", rule.dropped) }
    line("kept", kept)
    lines.append("\(outputShards.digitGrouped) shard\(outputShards == 1 ? "" : "s") written")
    for (reason, count) in rejected.sorted(by: { $0.key < $1.key }) {
      lines.append("no sample: \(count.digitGrouped) × \(reason)")
    }
    for shard in damaged { lines.append("damaged: \(shard)") }
    lines += tallyLines()
    return lines.joined(separator: "\n")
  }

  /// Languages and means, before and after.
  private func tallyLines() -> [String] {
    var lines = ["", "  \(Self.column("", 34)) \(Self.right("before", 15)) \(Self.right("after", 15))"]
    for language in before.languages.keys.sorted() {
      lines.append(
        "  \(Self.column("language \(language)", 34)) \(Self.right((before.languages[language]!).digitGrouped, 15)) "
          + Self.right((after.languages[language] ?? 0).digitGrouped, 15))
    }
    for distribution in ReportLimit.Distribution.allCases {
      guard let mean = before.distributions[distribution.rawValue]?.mean else { continue }
      let now = after.distributions[distribution.rawValue]?.mean
      lines.append(
        "  \(Self.column("mean \(distribution.rawValue)", 34)) \(Self.right(Self.number(mean), 15)) "
          + Self.right(now.map(Self.number) ?? "–", 15))
    }
    return lines
  }

  private static func column(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private static func percent(_ value: Double) -> String { right(String(format: "%.2f %%", value), 9) }
  private static func number(_ value: Double) -> String { String(format: "%.3f", value) }
}
