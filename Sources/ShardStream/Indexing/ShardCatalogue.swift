import Basics
import Captions

/// A list of shards as a run knows it from the start: how many samples each holds, and what was left out why. Where the
/// members lie is read later, shard by shard, by `SampleSource`.
package struct ShardCatalogue: Equatable, Sendable {
  /// In the order of the list.
  package let shards: [ShardSummary]
  /// What its samples are.
  package let kind: SampleKind
  /// Where sidecars are looked for.
  package let sidecars: SidecarPlace
  package let sampleCount: Int

  init(shards: [ShardSummary], kind: SampleKind, sidecars: SidecarPlace) {
    self.shards = shards
    self.kind = kind
    self.sidecars = sidecars
    sampleCount = shards.reduce(0) { $0 + $1.sampleCount }
  }

  package var sampleCounts: [Int] { shards.map(\.sampleCount) }

  /// Samples by language, in the order of `CaptionLanguage.allCases`.
  package var languageCounts: [Int] {
    CaptionLanguage.allCases.map { language in
      shards.reduce(0) { $0 + $1.sampleCount(ofLanguage: language) }
    }
  }

  /// How many samples a shard has in a language, or in all of them for nil.
  package func sampleCount(ofShard shard: Int, language: CaptionLanguage?) -> Int {
    language.map { shards[shard].sampleCount(ofLanguage: $0) } ?? shards[shard].sampleCount
  }

  package var faults: [ShardFault] { shards.compactMap(\.fault) }

  /// Groups of members that are no samples, by reason.
  package var rejectedCounts: [RejectedReason: Int] {
    shards.reduce(into: [:]) { $0.merge($1.rejected, uniquingKeysWith: +) }
  }

  /// One line for a log: how many samples, and what was left out why.
  package var summary: String {
    let counts = rejectedCounts
    let rejected = RejectedReason.allCases.compactMap { reason in
      counts[reason].map { "\($0) × \(reason.rawValue)" }
    }
    let damaged = faults.isEmpty ? [] : ["\(faults.count) damaged shards"]
    let leftOut = (rejected + damaged).joined(separator: ", ")
    return "\(sampleCount) samples in \(shards.count) shards"
      + (leftOut.isEmpty ? "" : "; left out: \(leftOut)")
  }

  /// A line for each sidecar that could not be used; it names the shard.
  package var warnings: [String] {
    shards.compactMap { shard in
      guard case .scanInsteadOfSidecar(let reason) = shard.origin else { return nil }
      return "\(shard.path): \(reason); reading the shard's headers instead"
    }
  }

  /// Hexadecimal digest of the shards' names and numbers of samples: what the order of a run rests on.
  package var digest: String {
    let lines = shards.map { shard in
      let name = shard.path.utf8.split(separator: UInt8(ascii: "/")).last.map { String($0)! } ?? ""
      return "\(name) \(shard.languageCounts.map(String.init).joined(separator: " "))"
    }
    return SHA256Hasher.hexDigest(of: Array(lines.joined(separator: "\n").utf8))
  }
}
