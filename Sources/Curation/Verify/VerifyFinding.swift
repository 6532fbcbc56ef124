import Basics

/// Something that is wrong with a shard, or with one of its groups or samples.
package struct VerifyFinding: Codable, Equatable, Sendable {
  /// The shard's path.
  package var shard: String
  /// Of the group or sample; nil where the shard itself is at fault.
  package var key: String?
  /// A stable name to count by.
  package var reason: String
  /// More for people; empty where the reason says it all.
  package var detail = ""

  /// A line of `quarantine.jsonl`, as training writes it for samples but for the step.
  package var line: JSONText {
    var fields: [(String, JSONText)] = []
    if let key { fields.append(("key", .string(key))) }
    fields += [("shard", .string(shard)), ("reason", .string(reason))]
    if !detail.isEmpty { fields.append(("detail", .string(detail))) }
    return .object(fields)
  }
}

/// What came out of checking one shard.
struct ShardVerdict: Codable, Equatable, Sendable {
  /// Findings that are told one by one, of a shard and reason; all are counted.
  static let findingLimit = 1000

  var sampleCount = 0
  var byteCount = 0
  /// Groups of members that are no samples.
  var rejectedCount = 0
  /// Samples that training would replace.
  var badCount = 0
  var isDamaged = false
  var reasons: [String: Int] = [:]
  var findings: [VerifyFinding] = []

  mutating func add(_ finding: VerifyFinding) {
    reasons[finding.reason, default: 0] += 1
    if reasons[finding.reason]! <= Self.findingLimit { findings.append(finding) }
  }
}
