import Basics
import Collectives
import Foundation
import Imaging
import ShardStream
import Synchronization

/// The integrity of a set of shards.
package struct DataVerification: Sendable {
  package struct Options: Sendable {
    /// Decode every picture and check every caption, as training would.
    package var decodes = false
    package var maxPixels = ImageDecoder.defaultMaxPixels
    /// What training resizes the shorter side to.
    package var imageSize = 224
    /// Where the shards' indexes lie, if there are any.
    package var indexPlace = SidecarPlace.beside
    /// Shards of a rank that are read at once.
    package var threads = 1

    package init() {}
  }

  /// How often a reason was met.
  package struct Occurrences: Equatable, Sendable {
    package var count = 0
    package var shardCount = 0
    package var first: VerifyFinding
  }

  /// Different keys that are counted exactly.
  static let keyCapacity = 1 << 17
  /// Damaged shards that are remembered one by one.
  static let damagedLimit = 100

  package let hasDecoded: Bool
  package private(set) var shardCount = 0
  package private(set) var sampleCount = 0
  /// Of the shards' files.
  package private(set) var byteCount = 0
  package private(set) var damagedCount = 0
  package private(set) var rejectedCount = 0
  package private(set) var badCount = 0
  package private(set) var reasons: [String: Occurrences] = [:]
  /// Of the first damaged shards.
  package private(set) var damage: [VerifyFinding] = []
  package fileprivate(set) var keys = DistinctTexts(capacity: keyCapacity)

  /// Nothing is wrong. The same key twice is allowed, since shards of different downloads number alike.
  package var isSound: Bool { reasons.isEmpty }

  private init(_ options: Options) { hasDecoded = options.decodes }

  /// Checks all shards; every rank gets the same counts, the leader the whole result, nil elsewhere.
  ///
  /// - Parameter quarantine: takes what is wrong, in the order of the shards, on the leader; at most
  ///   `ShardVerdict.findingLimit` of a shard and reason.
  package static func run(
    _ urls: [URL], _ options: Options, _ communicator: any Communicator,
    quarantine: (VerifyFinding) throws -> Void
  ) throws -> DataVerification? {
    let verification = ShardVerification(options: options, records: DownloadRecords(besides: urls))
    let keys = Mutex(DistinctTexts(capacity: keyCapacity))
    let progress = communicator.isLeader ? ShardProgress("verified", total: urls.count) : nil
    var result = DataVerification(options)
    let dealt = DealtShards(count: urls.count, threads: options.threads, communicator: communicator)
    try dealt.forEach { number in
      var own = DistinctTexts(capacity: keyCapacity)
      let verdict = verification.verdict(on: urls[number], keys: &own)
      keys.withLock { $0.merge(own) }
      return verdict
    } take: { _, verdict in
      result.add(verdict)
      try verdict.findings.forEach(quarantine)
      progress?.advance()
    }
    progress?.finish()
    result.keys = try keys.withLock { $0 }.gathered(communicator)
    return communicator.isLeader ? result : nil
  }

  private mutating func add(_ verdict: ShardVerdict) {
    shardCount += 1
    sampleCount += verdict.sampleCount
    byteCount += verdict.byteCount
    damagedCount += verdict.isDamaged ? 1 : 0
    rejectedCount += verdict.rejectedCount
    badCount += verdict.badCount
    for (reason, count) in verdict.reasons {
      let first = verdict.findings.first { $0.reason == reason }!
      reasons[reason, default: Occurrences(first: first)].count += count
      reasons[reason]!.shardCount += 1
    }
    damage += verdict.findings.filter { $0.key == nil }.prefix(Self.damagedLimit - damage.count)
  }
}
