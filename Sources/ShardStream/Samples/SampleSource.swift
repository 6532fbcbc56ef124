import Basics
import Captions
import Foundation

/// Reads members of catalogued samples from their shards; any number of threads may read at once.
///
/// Which samples a shard holds is loaded when the first of them is asked for: from the shard's sidecar, else by walking
/// the shard again.
package final class SampleSource: Sendable {
  /// Tables of some 170 shards of 10,000 samples.
  package static let defaultTableBytes = 64 << 20

  package let catalogue: ShardCatalogue
  private let tables: ShardTableCache
  private let openShards: OpenShards
  private let warn: @Sendable (String) -> Void

  /// - Parameters:
  ///   - tableBytes: memory for tables; the one in use stays however large it is.
  ///   - maxOpenFiles: how many shards stay open between reads.
  ///   - warn: is told of a sidecar that has become unusable since the catalogue was made.
  package init(
    catalogue: ShardCatalogue, tableBytes: Int = SampleSource.defaultTableBytes, maxOpenFiles: Int = 64,
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.catalogue = catalogue
    self.warn = warn
    tables = ShardTableCache(budget: tableBytes)
    openShards = OpenShards(capacity: maxOpenFiles)
  }

  package func key(_ sample: SampleID) throws -> String { try table(sample.shard).key(sample.index) }

  package func members(_ sample: SampleID) throws -> SampleMembers {
    try table(sample.shard).members(sample.index)
  }

  package func language(_ sample: SampleID) throws -> CaptionLanguage {
    try table(sample.shard).language(sample.index)
  }

  /// Sample `ordinal` of those of `language` in a shard; of all of them for nil.
  package func sample(shard: Int, language: CaptionLanguage?, ordinal: Int) throws -> SampleID {
    guard let language else { return SampleID(shard: shard, index: ordinal) }
    return SampleID(shard: shard, index: try table(shard).index(ofLanguage: language, ordinal: ordinal))
  }

  package func bytes(_ range: MemberRange, of sample: SampleID) throws -> [UInt8] {
    try file(sample).bytes(at: range.offset, count: range.size)
  }

  /// Loads the sample's table and lets the kernel read the sample ahead of its turn. A shard that cannot be read shows
  /// when the sample is.
  package func willNeed(_ sample: SampleID) {
    guard let extent = try? members(sample).extent else { return }
    try? file(sample).willNeed(offset: extent.lowerBound, count: extent.count)
  }

  /// The samples of one shard of the catalogue. An error when the shard has changed since the catalogue was made.
  package func table(_ shard: Int) throws -> ShardTable {
    try tables.table(shard) { try load(catalogue.shards[shard]) }
  }

  func file(_ sample: SampleID) throws -> ShardFile {
    let summary = catalogue.shards[sample.shard]
    return try openShards.file(sample.shard) {
      let file = try ShardFile(url: summary.url)
      guard file.size == summary.byteCount else { throw Self.changed(summary.path) }
      return file
    }
  }

  private func load(_ summary: ShardSummary) throws -> ShardTable {
    guard try ShardIdentity(path: summary.path) == summary.identity else {
      throw Self.changed(summary.path)
    }
    if let table = fromSidecar(summary) { return table }
    let table = try ShardScan(path: summary.path).table.restricted(to: catalogue.kind)
    guard table.languageCounts == summary.languageCounts else { throw Self.changed(summary.path) }
    return table
  }

  /// Nil where the catalogue found none that could be used, or it has gone or changed since.
  private func fromSidecar(_ summary: ShardSummary) -> ShardTable? {
    guard summary.origin == .sidecar else { return nil }
    let path = catalogue.sidecars.path(ofShard: summary.path)
    do throws(SidecarFault) {
      let sidecar = try ShardSidecar(path: path, shard: summary.path, identity: summary.identity)
      guard let sidecar else { throw .unreadable("it is no longer there") }
      try sidecar.require(catalogue.kind)
      guard sidecar.summary.restricted(to: catalogue.kind).languageCounts == summary.languageCounts else {
        throw .shardChanged
      }
      return try sidecar.table(path: path).restricted(to: catalogue.kind)
    } catch {
      warn("\(summary.path): \(error); reading the shard's headers instead")
      return nil
    }
  }

  private static func changed(_ path: String) -> KelipError {
    KelipError(
      "the shard has changed since this program started", at: path,
      hint: "its samples have other places now: put the old file back, or start again")
  }
}
