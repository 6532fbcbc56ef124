import Basics
import Captions
import ShardStream

/// What `kelip data index` tells.
package struct IndexReport: Sendable {
  private typealias Shard = (path: String, words: String)

  private let checks: Bool
  private let skipsIncomplete: Bool
  private let incomplete: [String]
  private var shardCount = 0
  private var sampleCount = 0
  private var languageCounts = [Int](repeating: 0, count: CaptionLanguage.allCases.count)
  private var rejections: [String: IndexedShard.Rejection] = [:]
  private var damaged: [(path: String, reason: String, words: String)] = []
  private var currentCount = 0
  private var missing: [String] = []
  private var unusable: [Shard] = []
  private var sidecarByteCount = 0

  init(incomplete: [String], _ options: IndexRun.Options) {
    self.incomplete = incomplete
    (checks, skipsIncomplete) = (options.checks, options.skipsIncomplete)
  }

  /// Called in the order of the list.
  mutating func add(_ shard: IndexedShard) {
    shardCount += 1
    sampleCount += shard.sampleCount
    for index in languageCounts.indices { languageCounts[index] += shard.languageCounts[index] }
    for (reason, more) in shard.rejections {
      var all = rejections[reason] ?? IndexedShard.Rejection(count: 0, keys: [])
      all.count += more.count
      all.keys = Array((all.keys + more.keys).prefix(3))
      rejections[reason] = all
    }
    if let damage = shard.damage { damaged.append((shard.path, damage[0], damage[1])) }
    sidecarByteCount += shard.sidecarByteCount
    if shard.wasCurrent {
      currentCount += 1
    } else if let complaint = shard.complaint {
      unusable.append((shard.path, complaint))
    } else {
      missing.append(shard.path)
    }
  }

  /// Whether a check found every sidecar in order.
  package var isInOrder: Bool { !checks || missing.isEmpty && unusable.isEmpty }

  private var bytesPerSample: Double { Double(sidecarByteCount) / Double(max(1, sampleCount)) }

  private var sortedRejections: [(key: String, value: IndexedShard.Rejection)] {
    rejections.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
  }
}

// MARK: - For programs

extension IndexReport {
  package var json: JSONText {
    let languages = zip(CaptionLanguage.allCases, languageCounts).map { ($0.tag, JSONText.integer($1)) }
    return .object([
      ("shards", .integer(shardCount)), ("samples", .integer(sampleCount)), ("languages", .object(languages)),
      ("rejected", .object(sortedRejections.map { ($0.key, Self.json($0.value)) })),
      (
        "damaged",
        .array(
          damaged.map {
            .object([
              ("shard", .string($0.path)), ("reason", .string($0.reason)), ("detail", .string($0.words)),
            ])
          })
      ),
      ("incomplete", .array(incomplete.map(JSONText.string))), ("current", .integer(currentCount)),
      ("missing", .array(missing.map(JSONText.string))),
      (
        "unusable",
        .array(unusable.map { .object([("shard", .string($0.path)), ("reason", .string($0.words))]) })
      ),
      ("index_bytes", .integer(sidecarByteCount)), ("bytes_per_sample", .number(bytesPerSample)),
    ])
  }

  private static func json(_ rejection: IndexedShard.Rejection) -> JSONText {
    .object([
      ("count", .integer(rejection.count)), ("keys", .array(rejection.keys.map(JSONText.string))),
    ])
  }
}

// MARK: - For people

extension IndexReport: CustomStringConvertible {
  /// Shards that are named one by one.
  private static let named = 20

  package var description: String {
    let languages = zip(CaptionLanguage.allCases, languageCounts).map { "\($1) \($0.tag)" }
    var lines = ["\(sampleCount) samples in \(shardCount) shards: " + languages.joined(separator: ", ")]
    lines += sortedRejections.map { reason, rejection in
      "left out: \(rejection.count) × \(reason), such as \(rejection.keys.joined(separator: ", "))"
    }
    lines += Self.list("damaged", damaged.map { "\($0.path): \($0.words)" })
    let fate = skipsIncomplete ? "left out" : "indexed all the same"
    lines += Self.list("incomplete (\(fate))", incomplete.map { "\($0): no _stats.json, others have one" })
    lines += Self.list(checks ? "stale" : "written anew", unusable.map { "\($0.path): \($0.words)" })
    if checks { lines += Self.list("without index", missing) }
    lines.append(work)
    return lines.joined(separator: "\n")
  }

  private var work: String {
    let written = shardCount - currentCount
    let size = "\(sidecarByteCount) bytes, \((10 * bytesPerSample).rounded() / 10) a sample"
    return checks
      ? "\(currentCount) of \(shardCount) indexes are in order (\(size))"
      : "\(written) indexes written, \(currentCount) were there and fit (\(size))"
  }

  private static func list(_ title: String, _ lines: [String]) -> [String] {
    let more = lines.count > named ? ["… and \(lines.count - named) more \(title)"] : []
    return lines.prefix(named).map { "\(title): \($0)" } + more
  }
}
