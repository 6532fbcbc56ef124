/// Turns measured collectives into the links of the cost model: each equation of `CollectiveCost` solved for its rate
/// and its latency.
package struct Calibration: Sendable {
  /// A link as collectives see it: wire, library and additions together.
  package struct Level: Sendable, Equatable {
    package var link: Link
    /// Of the link's stated rate; nil where none was stated.
    package var efficiency: Double?
    /// Beyond the link's stated latency.
    package var addedLatency: Double?
  }

  private let messageSeconds: Double

  package init(messageSeconds: Double = Cluster.defaultMessageSeconds) {
    self.messageSeconds = messageSeconds
  }

  /// From ranks of a single machine.
  ///
  /// - Returns: nil where the timing is of several machines or of one rank, or has no all-reduce.
  package func memory(_ timing: CollectiveTiming) -> Link? {
    guard timing.nodes == 1, timing.ranksPerNode > 1, let curve = timing.curve(.allReduce) else { return nil }
    return solve(curve.line, members: timing.ranksPerNode, beside: (0, 0))
  }

  /// From ranks of several machines.
  ///
  /// - Parameter memory: the machine's own link, which takes its part where a machine has several ranks.
  /// - Returns: nil where the timing is of one machine or has no all-reduce.
  package func network(_ timing: CollectiveTiming, memory: Link) -> Level? {
    guard timing.nodes > 1, let curve = timing.curve(.allReduce) else { return nil }
    let ranks = timing.ranksPerNode
    let beside: (latency: Double, perByte: Double) =
      ranks > 1
      ? (
        2 * (memory.latencySeconds + Double(ranks - 1) * messageSeconds),
        2 * part(ranks) / memory.bytesPerSecond
      ) : (0, 0)
    guard let link = solve(curve.line, members: timing.nodes, beside: beside) else { return nil }
    return Level(
      link: link, efficiency: timing.nominal.map { link.bytesPerSecond / $0.bytesPerSecond },
      addedLatency: timing.nominal.map { max(0, link.latencySeconds - $0.latencySeconds) })
  }

  /// all-reduce(n) = 2·(latency + (P − 1)·o) + 2·n·(P − 1)/P / rate + what stands beside it.
  private func solve(
    _ line: (latency: Double, perByte: Double), members: Int, beside: (latency: Double, perByte: Double)
  ) -> Link? {
    let perByte = (line.perByte - beside.perByte) / (2 * part(members))
    guard perByte > 0 else { return nil }
    let latency = (line.latency - beside.latency) / 2 - Double(members - 1) * messageSeconds
    return Link(latencySeconds: max(0, latency), bytesPerSecond: 1 / perByte)
  }

  private func part(_ members: Int) -> Double { Double(members - 1) / Double(members) }
}

extension Calibration {
  /// Where a cluster's numbers come from.
  package struct Found: Sendable, Equatable {
    /// Of the network's rate, as collectives saw it; nil where that was not measured.
    package var efficiency: Double?
    package var hasMemory = false

    package var networkSource: String { efficiency == nil ? "stated" : "calibrated" }
    package var memorySource: String { hasMemory ? "calibrated" : "assumed" }
  }

  /// Puts what was measured in place of what was stated or assumed.
  ///
  /// A network keeps its stated rate and latency, times the efficiency and plus the latency that collectives had on
  /// the network where they were measured; where nobody stated that network's, it is taken to be the cluster's own.
  package func apply(_ timings: [CollectiveTiming], to stated: Cluster) -> (Cluster, Found) {
    var (cluster, found) = (stated, Found())
    for timing in timings {
      if let link = memory(timing) { (cluster.memory, found.hasMemory) = (link, true) }
    }
    for timing in timings {
      guard var level = network(timing, memory: cluster.memory) else { continue }
      if timing.nominal == nil {
        level.efficiency = level.link.bytesPerSecond / stated.network.bytesPerSecond
        level.addedLatency = max(0, level.link.latencySeconds - stated.network.latencySeconds)
      }
      cluster.network = Link(
        latencySeconds: stated.network.latencySeconds + level.addedLatency!,
        bytesPerSecond: stated.network.bytesPerSecond * level.efficiency!)
      found.efficiency = level.efficiency
    }
    if let overlap = (timings.last { $0.nodes > 1 } ?? timings.last)?.overlap { cluster.overlap = overlap }
    return (cluster, found)
  }
}
