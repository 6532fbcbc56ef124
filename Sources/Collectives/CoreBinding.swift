/// Which cores of its machine each rank should run on, so that none lies idle while two ranks share another.
package enum CoreBinding: Sendable, Equatable {
  /// The launcher has seen to it.
  case keep
  /// The launcher has left all cores to all ranks: this rank takes its part of them.
  case take([Int])
  /// Some core is the only one of two ranks: the text says so.
  case shared(String)

  /// What to tell a user whose rank has more threads than cores.
  package static func shortage(threads: Int, cores: Int) -> String? {
    guard cores > 0, threads > cores else { return nil }
    return "each rank has \(threads) threads on \(cores) core\(cores == 1 ? "" : "s"): start it with "
      + "`mpirun --map-by slot:PE=\(threads)` or `--bind-to none`, or set parallel.threads_per_rank=\(cores)"
  }

  /// - Parameters:
  ///   - allowed: for each rank of the machine, in local order, the cores that it may use, ascending.
  ///   - localRank: whose decision this is.
  package static func decide(allowed: [[Int]], localRank: Int) -> CoreBinding {
    let (ranks, mine) = (allowed.count, allowed[localRank])
    guard ranks > 1 else { return .keep }
    if allowed.allSatisfy({ $0 == mine }) {
      guard mine.count >= ranks else {
        return .shared("\(ranks) ranks share \(mine.count) core\(mine.count == 1 ? "" : "s")")
      }
      return .take(Array(mine[mine.count * localRank / ranks..<mine.count * (localRank + 1) / ranks]))
    }
    for other in allowed.indices where other != localRank && allowed[other].count < 2 {
      if allowed[other] == mine {
        return .shared(
          "local ranks \(min(localRank, other)) and \(max(localRank, other)) share core \(mine[0])")
      }
    }
    return .keep
  }
}
