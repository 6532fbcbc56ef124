import Collectives
import Foundation

/// What ranks have counted apart and the leader puts together.
protocol Mergeable: Codable {
  mutating func merge(_ other: Self)
}

extension Mergeable {
  /// On the leader everything; elsewhere this rank's part. One part after the other comes, so that only one is in
  /// memory besides the leader's own.
  func gathered(_ communicator: any Communicator) throws -> Self {
    var all = self
    for rank in 1..<max(1, communicator.worldSize) {
      let bytes = communicator.rank == rank ? try Array(JSONEncoder().encode(self)) : []
      let part = try communicator.broadcastBytes(bytes, root: rank)
      if communicator.isLeader { all.merge(try JSONDecoder().decode(Self.self, from: Data(part))) }
    }
    return all
  }
}

extension DataStatistics: Mergeable {}
extension DistinctTexts: Mergeable {}
