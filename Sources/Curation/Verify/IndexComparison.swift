import Foundation
import ShardStream

/// Holds the index of a shard, where there is one, against what walking the shard gives.
struct IndexComparison {
  private enum Index {
    case none
    case fault(SidecarFault)
    case table(ShardTable)
  }

  private let index: Index
  private var sampleCount = 0
  private var differs = false

  init(shard: URL, place: SidecarPlace) {
    let path = place.path(ofShard: shard.path)
    do throws(SidecarFault) {
      let identity = try Self.identity(of: shard)
      guard let sidecar = try ShardSidecar(path: path, shard: shard.path, identity: identity) else {
        index = .none
        return
      }
      index = .table(try sidecar.table(path: path).restricted(to: .pairs))
    } catch {
      index = .fault(error)
    }
  }

  private static func identity(of shard: URL) throws(SidecarFault) -> ShardIdentity {
    do {
      return try ShardIdentity(path: shard.path)
    } catch {
      throw .unreadable("\(error)")
    }
  }

  /// Samples come in the order of the shard.
  mutating func take(_ sample: WalkedSample) {
    defer { sampleCount += 1 }
    guard case .table(let table) = index, !differs else { return }
    differs =
      sampleCount >= table.count || table.key(sampleCount) != sample.key
      || table.members(sampleCount) != sample.members
  }

  /// What is wrong with the index, once all samples have been taken: its reason and more for people.
  var fault: (reason: String, detail: String)? {
    switch index {
    case .none: nil
    case .fault(let fault): (Self.reason(of: fault), "\(fault): kelip data index writes it anew")
    case .table(let table) where differs || table.count != sampleCount:
      ("index_differs", "the index has other samples than the shard: remove it, or kelip data index --force")
    case .table: nil
    }
  }

  private static func reason(of fault: SidecarFault) -> String {
    switch fault {
    case .damaged: "index_damaged"
    case .otherVersion: "index_other_version"
    case .shardChanged: "index_stale"
    case .unreadable: "index_unreadable"
    }
  }
}
