import Foundation

extension Communicator {
  /// Everyone's value, in rank order; as JSON, for what is exchanged now and then.
  package func allGather<T: Codable>(coding mine: T) throws -> [T] {
    try allGatherBytes(Array(JSONEncoder().encode(mine))).map {
      try JSONDecoder().decode(T.self, from: Data($0))
    }
  }

  /// What `body` gives on the leader, on every rank. When it throws there, every rank throws that error.
  package func shareLeaders<T: Codable>(_ body: () throws -> T) throws -> T {
    let mine = try onLeader { Array(try JSONEncoder().encode(body())) } ?? []
    return try JSONDecoder().decode(T.self, from: Data(allGatherBytes(mine)[0]))
  }
}
