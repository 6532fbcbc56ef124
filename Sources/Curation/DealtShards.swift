import Collectives
import Foundation
import ShardStream

/// Work on numbered shards, dealt to the ranks, whose results the leader takes in the order of the shards.
///
/// A round is `threads` shards of each rank, so that results wait in memory for one round only.
struct DealtShards {
  let count: Int
  let threads: Int
  let communicator: any Communicator

  /// - Parameters:
  ///   - work: for one shard, on any rank and thread.
  ///   - take: on the leader. An error of either ends all ranks.
  func forEach<Result: Codable & Sendable>(
    _ work: @Sendable (Int) throws -> Result, take: (Int, Result) throws -> Void
  ) throws {
    let perRound = threads * communicator.worldSize
    for start in stride(from: 0, to: count, by: perRound) {
      let first = min(count, start + threads * communicator.rank)
      let own = Array(first..<min(count, first + threads))
      let bytes = try communicator.agree {
        try Array(JSONEncoder().encode(concurrentMap(own, threads: threads, transform: work)))
      }
      let all = try communicator.allGatherBytes(bytes)
      try communicator.agree {
        guard communicator.isLeader else { return }
        let results = try all.flatMap { try JSONDecoder().decode([Result].self, from: Data($0)) }
        for (offset, result) in results.enumerated() { try take(start + offset, result) }
      }
    }
  }
}
