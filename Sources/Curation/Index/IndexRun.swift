import Basics
import Collectives
import Foundation
import ShardStream

/// Writes a sidecar beside every shard, or checks those that are there.
package struct IndexRun: Sendable {
  package struct Options: Sendable {
    package var place = SidecarPlace.beside
    /// Hold the sidecars against the shards, and write nothing.
    package var checks = false
    /// Write sidecars that are there and fit, too.
    package var forces = false
    /// Leave out shards whose download did not end.
    package var skipsIncomplete = false
    /// Shards of a rank that are read at once.
    package var threads = 1

    package init() {}
  }

  /// Every rank calls it; the leader gets the report, the others nil.
  package static func run(
    _ urls: [URL], _ options: Options, _ communicator: any Communicator
  ) throws -> IndexReport? {
    let (wanted, incomplete) = divide(urls, skipsIncomplete: options.skipsIncomplete)
    let upkeep = SidecarUpkeep(options.place)
    let progress = ShardProgress(options.checks ? "checked" : "indexed", total: wanted.count)
    var report = IndexReport(incomplete: incomplete, options)
    try DealtShards(count: wanted.count, threads: options.threads, communicator: communicator).forEach {
      shard in
      let path = wanted[shard].path
      return IndexedShard(
        options.checks ? try upkeep.check(path) : try upkeep.update(path, force: options.forces))
    } take: { _, indexed in
      report.add(indexed)
      progress.advance()
    }
    if communicator.isLeader { progress.finish() }
    return communicator.isLeader ? report : nil
  }

  /// The shards to work on, and those whose download did not end.
  private static func divide(_ urls: [URL], skipsIncomplete: Bool) -> (wanted: [URL], incomplete: [String]) {
    let records = DownloadRecords(besides: urls)
    let incomplete = urls.filter { records.record(of: $0) == .missing }
    let left = skipsIncomplete ? Set(incomplete) : []
    return (urls.filter { !left.contains($0) }, incomplete.map(\.path))
  }
}

/// What became of one shard: an `Outcome` on the wire.
struct IndexedShard: Codable, Sendable {
  struct Rejection: Codable, Sendable {
    var count: Int
    var keys: [String]
  }

  var path: String
  var sampleCount: Int
  var languageCounts: [Int]
  /// The fault's stable name and its words.
  var damage: [String]?
  var rejections: [String: Rejection]
  var sidecarByteCount: Int
  /// Whether the sidecar was there and fitted, before.
  var wasCurrent: Bool
  /// Why a sidecar that was there could not be used.
  var complaint: String?

  init(_ outcome: SidecarUpkeep.Outcome) {
    let summary = outcome.summary
    path = summary.path
    sampleCount = summary.sampleCount
    languageCounts = summary.languageCounts
    damage = summary.fault.map { [$0.fault.reasonName, "\($0.fault)"] }
    rejections = summary.rejections.reduce(into: [:]) {
      $0[$1.key.reasonName] = Rejection(count: $1.value.count, keys: $1.value.keys)
    }
    sidecarByteCount = outcome.sidecarByteCount
    wasCurrent = outcome.state == .current
    if case .unusable(let reason) = outcome.state { complaint = reason }
  }
}
