import Basics

extension DataVerification: CustomStringConvertible {
  private static let duplicatesShown = 5

  // MARK: JSON

  package var json: JSONText {
    let found = sortedReasons.map { reason, occurrences in
      (
        reason,
        JSONText.object([
          ("count", .integer(occurrences.count)), ("shards", .integer(occurrences.shardCount)),
          ("first", occurrences.first.line),
        ])
      )
    }
    let repeated = keys.mostFrequent(Self.duplicatesShown).map {
      JSONText.object([("key", .string($0.text)), ("count", .integer($0.count))])
    }
    return .object([
      ("sound", .bool(isSound)), ("decoded", .bool(hasDecoded)), ("shards", .integer(shardCount)),
      ("samples", .integer(sampleCount)), ("bytes", .integer(byteCount)),
      ("damaged_shards", .integer(damagedCount)), ("rejected_groups", .integer(rejectedCount)),
      ("bad_samples", .integer(badCount)), ("reasons", .object(found)),
      ("damage", .array(damage.map(\.line))),
      (
        "repeated_keys",
        .object([
          ("count", .integer(keys.repeatedCount)), ("is_estimate", .bool(!keys.isExact)),
          ("examples", .array(repeated)),
        ])
      ),
    ])
  }

  // MARK: Text

  package var description: String {
    ([headline, verdict] + reasonLines + damageLines + keyLines).joined(separator: "\n")
  }

  private var headline: String {
    let depth =
      hasDecoded ? "every picture decoded" : "headers only (--decode looks at pictures and captions)"
    return
      "\(Self.counted(sampleCount, "sample")) in \(Self.counted(shardCount, "shard")), \(StatsReport.bytes(byteCount)); \(depth)"
  }

  private static func counted(_ count: Int, _ noun: String) -> String {
    "\(count.digitGrouped) \(noun)\(count == 1 ? "" : "s")"
  }

  private var verdict: String {
    guard !isSound else { return "sound" }
    return [(damagedCount, "damaged shard"), (rejectedCount, "rejected group"), (badCount, "bad sample")]
      .map { Self.counted($0.0, $0.1) }.joined(separator: ", ")
  }

  private var sortedReasons: [(key: String, value: Occurrences)] {
    reasons.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
  }

  private var reasonLines: [String] {
    sortedReasons.map { reason, occurrences in
      let place = [occurrences.first.shard, occurrences.first.key].compactMap(\.self).joined(separator: " ")
      return "  \(StatsReport.padded(occurrences.count.digitGrouped, to: 9, isRight: true)) × "
        + "\(StatsReport.padded(reason, to: 24)) in \(Self.counted(occurrences.shardCount, "shard")); "
        + "first \(place)"
    }
  }

  private var damageLines: [String] {
    guard !damage.isEmpty else { return [] }
    let more = damage.count == Self.damagedLimit ? ["  and perhaps more"] : []
    return ["damage:"] + damage.map { "  \($0.shard): \($0.detail.isEmpty ? $0.reason : $0.detail)" } + more
  }

  private var keyLines: [String] {
    guard keys.repeatedCount > 0 else { return [] }
    let about = keys.isExact ? "" : "about "
    let examples = keys.mostFrequent(Self.duplicatesShown).map { "\($0.text) (\($0.count) times)" }
    return [
      "note: \(about)\(keys.repeatedCount.digitGrouped) keys occur more than once, "
        + "as \(examples.joined(separator: ", ")): each is a sample of its own"
    ]
  }
}
