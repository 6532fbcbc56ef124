/// A path between two places: the seconds before the first byte, and the rate from then on, each way.
package struct Link: Sendable, Equatable {
  package var latencySeconds: Double
  package var bytesPerSecond: Double

  package init(latencySeconds: Double, bytesPerSecond: Double) {
    precondition(latencySeconds >= 0 && bytesPerSecond > 0, "a link needs a rate")
    (self.latencySeconds, self.bytesPerSecond) = (latencySeconds, bytesPerSecond)
  }

  /// A network's own terms: gigabits a second and microseconds.
  package init(gigabitsPerSecond: Double, microseconds: Double) {
    self.init(latencySeconds: microseconds * 1e-6, bytesPerSecond: gigabitsPerSecond * 1e9 / 8)
  }
}

/// Equal machines, equally many ranks on each, one network adapter a machine.
package struct Cluster: Sendable, Equatable {
  /// M, machines.
  package var nodes: Int
  /// R, ranks a machine.
  package var ranksPerNode: Int
  /// Between machines; its rate is the adapter's, shared by the machine's ranks.
  package var network: Link
  /// Between ranks of one machine; its rate is what each rank gets while all of them exchange.
  package var memory: Link
  /// What a message costs the rank that handles it, whatever its length. Our collectives send to every peer at
  /// once, so that it counts once a peer.
  package var messageSeconds: Double
  /// How the communication thread fares beside compute.
  package var overlap: Overlap

  /// Shared memory of one machine where nobody has measured it.
  package static let defaultMemory = Link(latencySeconds: 5e-6, bytesPerSecond: 3e9)
  package static let defaultMessageSeconds = 1.5e-6

  package init(
    nodes: Int, ranksPerNode: Int, network: Link, memory: Link = Cluster.defaultMemory,
    messageSeconds: Double = Cluster.defaultMessageSeconds, overlap: Overlap = Overlap()
  ) {
    precondition(nodes > 0 && ranksPerNode > 0 && messageSeconds >= 0)
    (self.nodes, self.ranksPerNode) = (nodes, ranksPerNode)
    (self.network, self.memory, self.messageSeconds) = (network, memory, messageSeconds)
    self.overlap = overlap
  }

  /// N = M · R.
  package var worldSize: Int { nodes * ranksPerNode }

  /// The same machines, another number of them.
  package func with(nodes: Int) -> Cluster {
    var copy = self
    copy.nodes = nodes
    return copy
  }
}

/// What communication and compute on one core do to each other.
package struct Overlap: Sendable, Equatable {
  /// Rate of a collective while its rank computes, as a part of the rate while its rank waits for it; at most 1.
  package var hiddenRate: Double
  /// Seconds of compute that one byte takes away which the rank sends (`CollectiveCost.trafficBytes`).
  package var stolenSecondsPerByte: Double

  /// - Parameter hiddenRate: 1 where the network does it all by itself.
  package init(hiddenRate: Double = 1, stolenSecondsPerByte: Double = 0) {
    precondition(hiddenRate > 0 && hiddenRate <= 1 && stolenSecondsPerByte >= 0)
    (self.hiddenRate, self.stolenSecondsPerByte) = (hiddenRate, stolenSecondsPerByte)
  }
}
