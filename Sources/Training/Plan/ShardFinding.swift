import Basics
import ShardStream

/// What start-up finds bad in a shard: damage of the shard itself, or groups of members that are no samples.
package struct ShardFinding: Equatable, Sendable {
  /// The shard's path.
  package var shard: String
  /// A stable name to count by, such as `tar_bad_checksum` or `missing_text`.
  package var reason: String
  /// Damage of the shard, told for people; nil for groups.
  package var detail: String?
  /// Groups with this reason; nil for damage, which hides how much is lost.
  package var count: Int?
  /// Of the first groups.
  package var keys: [String] = []

  /// A line of `quarantine.jsonl`, of step 0: before the first one.
  var line: JSONText {
    var members: [(String, JSONText)] = [
      ("step", .integer(0)), ("shard", .string(shard)), ("reason", .string(reason)),
    ]
    if let detail { members.append(("detail", .string(detail))) }
    if let count {
      members += [("count", .integer(count)), ("keys", .array(keys.map(JSONText.string)))]
    }
    return .object(members)
  }
}

/// Refuses data of which too much is lost before the first step.
struct ShardFindingCheck {
  /// So few damaged shards never stop a run, whatever their share: what is sound of them is used.
  static let fewShards = 10

  let findings: [ShardFinding]
  let shardCount: Int
  let sampleCount: Int
  /// `data.max_bad_fraction` and `data.max_bad_fraction_after`.
  let fraction: Double
  let minimum: Int

  func callAsFunction() throws {
    try checkShards()
    try checkGroups()
  }

  private func checkShards() throws {
    let damaged = findings.filter { $0.count == nil }
    guard damaged.count >= Self.fewShards, Double(damaged.count) > fraction * Double(shardCount) else {
      return
    }
    let reasons = damaged.reduce(into: [:]) { $0[$1.reason, default: 0] += 1 }
    throw KelipError(
      "\(damaged.count) of \(shardCount) shards are damaged (\(percent(damaged.count, of: shardCount))), more than "
        + "data.max_bad_fraction allows (\(fraction)): \(ranking(reasons))",
      at: "data.train",
      hint: "the first is \(damaged[0].shard): \(damaged[0].detail ?? ""); \(Self.advice)")
  }

  private func checkGroups() throws {
    let groups = findings.filter { $0.count != nil }
    let lost = groups.reduce(0) { $0 + $1.count! }
    let all = lost + sampleCount
    guard all >= minimum, Double(lost) > fraction * Double(all) else { return }
    let reasons = groups.reduce(into: [:]) { $0[$1.reason, default: 0] += $1.count! }
    let shards = groups.reduce(into: [:]) { $0[$1.shard, default: 0] += $1.count! }
    throw KelipError(
      "\(lost) of \(all) groups of members are no samples (\(percent(lost, of: all))), more than "
        + "data.max_bad_fraction allows (\(fraction)): \(ranking(reasons))",
      at: "data.train", hint: "worst shards: \(ranking(shards, limit: 3)); \(Self.advice)")
  }

  private static let advice =
    "look at them with kelip data verify, leave them out, or raise data.max_bad_fraction"
}

extension ShardCatalogue {
  /// In the order of the shards; of each the damage first.
  var findings: [ShardFinding] { shards.flatMap(\.findings) }
}

extension ShardSummary {
  fileprivate var findings: [ShardFinding] {
    let damage = fault.map { ShardFinding(shard: path, reason: $0.fault.reason.name, detail: "\($0.fault)") }
    let groups = rejections.sorted { $0.key.name < $1.key.name }.map { reason, rejection in
      ShardFinding(shard: path, reason: reason.name, count: rejection.count, keys: rejection.keys)
    }
    return [damage].compactMap(\.self) + groups
  }
}
