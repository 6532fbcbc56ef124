/// What ranks do together, with the bytes that count for it.
package struct Collective: Sendable, Equatable {
  package enum Kind: String, CaseIterable, Sendable {
    /// bytes: the buffer's length, the same on every rank.
    case allReduce = "all_reduce"
    /// bytes: the whole buffer's length, before.
    case reduceScatter = "reduce_scatter"
    /// bytes: the whole buffer's length, after; the way back of a reduce-scatter.
    case partGather = "part_gather"
    /// bytes: what one rank brings.
    case allGather = "all_gather"
    /// bytes: the buffer's length.
    case broadcast
    case barrier
  }

  package var kind: Kind
  package var bytes: Double
  /// Bytes in a message for each byte of the buffer: ½ where 32-bit numbers travel as bf16.
  package var wireShare = 1.0
  /// First within machines, then between them; else among all ranks at once. For reductions and their way back.
  package var isHierarchical = true
  /// `bytes` is what one rank brings to a part-gather, so that the buffer grows with the world.
  package var isPerRank = false
  /// Of a table of which only touched rows travel: its length with all of them. Unless more than half are touched.
  package var tableBytes: Double?

  package init(_ kind: Kind, bytes: Double) { (self.kind, self.bytes) = (kind, bytes) }

  /// The same of another length.
  package func with(bytes: Double) -> Collective {
    var copy = self
    copy.bytes = bytes
    return copy
  }
}

/// Seconds that a collective takes by itself, from the moment that the last rank has called it: the latency and
/// bandwidth model (Hockney 1994; Thakur, Rabenseifner & Gropp 2005) of the algorithms in `MPICollectives`.
///
/// M machines of R ranks, N = M·R; α and β the network's latency and rate, a and b those within a machine, o a
/// message's own cost. Exchanges are direct: every rank posts its messages to all peers at once, one latency a round.
///
///     round(P, link, v)    = 0 for P = 1, else latency + (P − 1)·o + v / rate      v: bytes through the link, each way
///     reduce-scatter(n)    = round(R, memory, n·(R−1)/R) + round(M, network, n·(M−1)/M)
///     part-gather(n)       = the same, the way back
///     all-reduce(n)        = twice that; up to 16 KiB in all: all-gather(n)
///     all-gather(m)        = round(N, network, m·R·(N−R)) + m·(R−1)/b for M > 1, else round(R, memory, m·(R−1))
///     broadcast(n)         = ⌈log₂ M⌉·(α + n/β) + ⌈log₂ R⌉·(a + n/b)
///     barrier              = ⌈log₂ M⌉·α + ⌈log₂ R⌉·a
///
/// A machine's R parts of a reduced buffer, n/R each, share the adapter: together n·(M−1)/M bytes leave it. Without
/// the hierarchy n·R·(N−R)/N do, in one round of all ranks. In bf16 half of them travel.
package struct CollectiveCost: Sendable {
  /// Reductions of no more than this in all (bytes · N) travel in one round.
  package static let shortBytes = 16384.0

  private let cluster: Cluster

  package init(_ cluster: Cluster) { self.cluster = cluster }

  package func seconds(_ collective: Collective) -> Double {
    let n = collective.bytes
    guard cluster.worldSize > 1 else { return 0 }
    switch collective.kind {
    case .allReduce:
      return n * Double(cluster.worldSize) <= Self.shortBytes ? allGather(n) : 2 * scatter(collective)
    case .reduceScatter, .partGather: return scatter(collective)
    case .allGather: return allGather(n)
    case .broadcast: return tree(n)
    case .barrier: return tree(0)
    }
  }

  /// Bytes that a rank sends for it, within its machine and beyond: what its core has to handle.
  package func trafficBytes(_ collective: Collective) -> Double {
    let (nodes, ranks) = (Double(cluster.nodes), Double(cluster.ranksPerNode))
    let world = Double(cluster.worldSize)
    let n = collective.bytes * (collective.isPerRank ? world : 1)
    let wire = n * collective.wireShare
    let scattered =
      collective.isHierarchical
      ? n * (ranks - 1) / ranks + wire * (nodes - 1) / (nodes * ranks) : wire * (world - 1) / world
    switch collective.kind {
    case .allReduce: return 2 * scattered
    case .reduceScatter, .partGather: return scattered
    case .allGather: return n * (world - 1)
    case .broadcast: return n
    case .barrier: return 0
    }
  }

  private func scatter(_ collective: Collective) -> Double {
    let (nodes, ranks) = (Double(cluster.nodes), Double(cluster.ranksPerNode))
    let n = collective.bytes * (collective.isPerRank ? Double(cluster.worldSize) : 1)
    let wire = n * collective.wireShare
    guard collective.isHierarchical || cluster.nodes == 1 else {
      let world = Double(cluster.worldSize)
      return round(cluster.worldSize, cluster.network, wire * ranks * (world - ranks) / world)
    }
    return round(cluster.ranksPerNode, cluster.memory, n * (ranks - 1) / ranks)
      + round(cluster.nodes, cluster.network, wire * (nodes - 1) / nodes)
  }

  private func allGather(_ mine: Double) -> Double {
    let (world, ranks) = (Double(cluster.worldSize), Double(cluster.ranksPerNode))
    let local = mine * (ranks - 1)
    guard cluster.nodes > 1 else { return round(cluster.ranksPerNode, cluster.memory, local) }
    return round(cluster.worldSize, cluster.network, mine * ranks * (world - ranks))
      + local / cluster.memory.bytesPerSecond
  }

  private func tree(_ n: Double) -> Double {
    func levels(_ count: Int, _ link: Link) -> Double {
      Double(Int.bitWidth - (count - 1).leadingZeroBitCount)
        * (link.latencySeconds + n / link.bytesPerSecond)
    }
    return levels(cluster.nodes, cluster.network) + levels(cluster.ranksPerNode, cluster.memory)
  }

  private func round(_ members: Int, _ link: Link, _ bytes: Double) -> Double {
    guard members > 1 else { return 0 }
    return link.latencySeconds + Double(members - 1) * cluster.messageSeconds + bytes / link.bytesPerSecond
  }
}
