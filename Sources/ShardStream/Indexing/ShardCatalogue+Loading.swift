import Basics
import Collectives
import Foundation

extension ShardCatalogue {
  /// Reads the summaries of all shards; every rank calls it and gets the same catalogue.
  ///
  /// The shards are dealt to the ranks. Of each, the identity is taken and the sidecar's head is read; one without a
  /// sidecar that fits is walked, which takes as long as reading all its headers and captions. Damage is recorded in the
  /// summaries; a shard that cannot be opened or read is an error on all ranks.
  ///
  /// - Parameters:
  ///   - urls: equal on every rank, which is checked.
  ///   - kind: what counts as a sample.
  ///   - threads: shards that one rank reads at a time.
  package static func load(
    _ urls: [URL], of kind: SampleKind = .pairs, communicator: any Communicator,
    sidecars: SidecarPlace = .beside, threads: Int = 1
  ) throws -> ShardCatalogue {
    let paths = urls.map(\.path)
    try requireSame(paths, communicator)
    let mine = stride(from: communicator.rank, to: paths.count, by: communicator.worldSize).map { paths[$0] }
    let found = try communicator.agree {
      try concurrentMap(mine, threads: threads) { try summary(ofShard: $0, kind, sidecars: sidecars) }
    }
    let all = try communicator.allGatherBytes(encode(found))
    return ShardCatalogue(shards: try merge(all, paths), kind: kind, sidecars: sidecars)
  }

  /// The same in a process of its own.
  package static func load(
    _ urls: [URL], of kind: SampleKind = .pairs, sidecars: SidecarPlace = .beside, threads: Int = 1
  ) throws -> ShardCatalogue {
    try load(urls, of: kind, communicator: SoloCommunicator(), sidecars: sidecars, threads: threads)
  }

  /// Ranks that listed other shards would give samples other numbers.
  private static func requireSame(_ paths: [String], _ communicator: any Communicator) throws {
    let digest = Array(paths.joined(separator: "\0").utf8).withUnsafeBytes(ShardIdentity.digest)
    let all = try communicator.allGather(digest)
    guard let rank = all.firstIndex(where: { $0 != all[0] }) else { return }
    var error = KelipError(
      "rank \(rank) has found another list of shards than rank 0", at: "data.train",
      hint: "give every machine the same files under the same paths")
    error.isAgreed = true
    throw error
  }

  /// From the sidecar when it fits the shard as it is now, else from the shard.
  private static func summary(
    ofShard path: String, _ kind: SampleKind, sidecars: SidecarPlace
  ) throws -> ShardSummary {
    let identity = try ShardIdentity(path: path)
    var origin = ShardSummary.Origin.scan
    do throws(SidecarFault) {
      let sidecar = try ShardSidecar(
        path: sidecars.path(ofShard: path), shard: path, identity: identity)
      try sidecar?.require(kind)
      if let sidecar { return sidecar.summary.restricted(to: kind) }
    } catch {
      origin = .scanInsteadOfSidecar(error.description)
    }
    return try ShardScan(path: path, origin: origin).summary.restricted(to: kind)
  }

  private static func encode(_ summaries: [ShardSummary]) -> [UInt8] {
    var writer = ByteWriter()
    for summary in summaries {
      summary.origin.write(to: &writer)
      SummaryCoding.write(summary, to: &writer)
    }
    return writer.bytes
  }

  /// Takes the next summary of each rank in turn, as the shards were dealt.
  private static func merge(_ parts: [[UInt8]], _ paths: [String]) throws -> [ShardSummary] {
    var rest = try parts.enumerated().map { rank, bytes in
      let shards = stride(from: rank, to: paths.count, by: parts.count).map { paths[$0] }
      return try bytes.withUnsafeBytes { bytes in
        var reader = ByteReader(bytes)
        return try shards.map { path in
          let origin = try ShardSummary.Origin(&reader)
          return try SummaryCoding.read(&reader, path: path, origin: origin)
        }[...]
      }
    }
    return paths.indices.map { rest[$0 % parts.count].removeFirst() }
  }
}
