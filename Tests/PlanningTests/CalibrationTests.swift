import Basics
import Foundation
import TestFolders
import Testing

@testable import Planning

private func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-6 * max(abs(a), abs(b)) }

@Suite("Calibration")
struct CalibrationTests {
  /// What `bench collectives` would measure if the cost model were true.
  private func timing(_ cluster: Cluster, nominal: Link? = nil) -> CollectiveTiming {
    let cost = CollectiveCost(cluster)
    let curves = [Collective.Kind.allReduce, .allGather].map { kind in
      CollectiveTiming.Curve(
        kind,
        [1 << 16, 1 << 20, 1 << 24, 1 << 26].map {
          .init(bytes: $0, seconds: cost.seconds(Collective(kind, bytes: Double($0))))
        })
    }
    return CollectiveTiming(
      nodes: cluster.nodes, ranksPerNode: cluster.ranksPerNode, nominal: nominal, curves: curves,
      overlap: Overlap(hiddenRate: 0.75, stolenSecondsPerByte: 2e-10))
  }

  private let memory = Link(latencySeconds: 4e-6, bytesPerSecond: 2.5e9)
  private let network = Link(gigabitsPerSecond: 8, microseconds: 70)

  @Test("finds the link that a timing came from", arguments: [(1, 2), (1, 5), (2, 1), (3, 1), (2, 4)])
  func roundTrip(nodes: Int, ranks: Int) throws {
    let measured = timing(Cluster(nodes: nodes, ranksPerNode: ranks, network: network, memory: memory))
    let found =
      nodes == 1
      ? Calibration().memory(measured) : Calibration().network(measured, memory: memory)?.link
    let link = try #require(found)
    let truth = nodes == 1 ? memory : network
    #expect(isClose(link.bytesPerSecond, truth.bytesPerSecond))
    #expect(isClose(link.latencySeconds, truth.latencySeconds))
  }

  @Test("one machine tells nothing of the network, nor several of memory")
  func wrongLevel() {
    let one = timing(Cluster(nodes: 1, ranksPerNode: 2, network: network, memory: memory))
    let two = timing(Cluster(nodes: 2, ranksPerNode: 2, network: network, memory: memory))
    #expect(Calibration().network(one, memory: memory) == nil && Calibration().memory(two) == nil)
    var bare = two
    bare.curves = []
    #expect(Calibration().network(bare, memory: memory) == nil)
  }

  @Test("carries efficiency and latency to a network of another rate")
  func transfer() {
    let measured = timing(
      Cluster(nodes: 2, ranksPerNode: 1, network: network, memory: memory),
      nominal: Link(gigabitsPerSecond: 10, microseconds: 50))
    let stated = Cluster(
      nodes: 64, ranksPerNode: 16, network: Link(gigabitsPerSecond: 100, microseconds: 5))
    let (cluster, found) = Calibration().apply([measured], to: stated)
    #expect(isClose(found.efficiency!, 0.8) && isClose(cluster.network.bytesPerSecond, 10e9))
    #expect(isClose(cluster.network.latencySeconds, 25e-6))
    #expect(cluster.overlap == Overlap(hiddenRate: 0.75, stolenSecondsPerByte: 2e-10))
    #expect(cluster.memory == Cluster.defaultMemory && !found.hasMemory)
  }

  @Test("of a network that nobody stated, the measured one is the cluster's")
  func unstated() {
    let measured = timing(Cluster(nodes: 2, ranksPerNode: 1, network: network))
    let stated = Cluster(nodes: 2, ranksPerNode: 1, network: Link(gigabitsPerSecond: 10, microseconds: 50))
    let (cluster, _) = Calibration().apply([measured], to: stated)
    #expect(isClose(cluster.network.bytesPerSecond, 1e9) && isClose(cluster.network.latencySeconds, 70e-6))
  }

  @Test("nothing measured leaves what was stated")
  func nothing() {
    let stated = Cluster(nodes: 2, ranksPerNode: 1, network: network)
    let (cluster, found) = Calibration().apply([], to: stated)
    #expect(cluster == stated && found == Calibration.Found())
  }
}

@Suite("A line through timings")
struct FitTests {
  private func fit(_ points: [(Int, Double)]) -> (latency: Double, perByte: Double) {
    CollectiveTiming.Curve.fit(points.map { .init(bytes: $0.0, seconds: $0.1) })
  }

  @Test func exact() {
    let line = fit([1, 10, 1000, 1_000_000].map { ($0, 3e-5 + Double($0) * 2e-9) })
    #expect(isClose(line.latency, 3e-5) && isClose(line.perByte, 2e-9))
  }

  @Test func degenerate() {
    #expect(fit([]) == (0, 0))
    #expect(isClose(fit([(1000, 1e-3)]).perByte, 1e-6))
    #expect(isClose(fit([(1000, 1e-3), (1000, 1e-3)]).perByte, 1e-6))
  }

  @Test("neither latency nor rate is negative")
  func bounds() {
    #expect(fit([(100, 1e-9), (1000, 1e-3)]).latency == 0)
    let falling = fit([(100, 2e-3), (1000, 1e-3)])
    #expect(falling.perByte == 0 && falling.latency > 0)
  }
}

@Suite("A file of timings")
struct TimingFileTests {
  private let timing = CollectiveTiming(
    nodes: 2, ranksPerNode: 3, nominal: Link(gigabitsPerSecond: 8, microseconds: 16),
    curves: [.init(.allReduce, [.init(bytes: 4096, seconds: 0.25)]), .init(.allGather, [])],
    overlap: Overlap(hiddenRate: 0.5, stolenSecondsPerByte: 0.125))

  private func read(_ text: String) throws -> CollectiveTiming {
    let folder = try TemporaryFolder()
    try Data(text.utf8).write(to: folder.file("timing.json"))
    return try CollectiveTiming(contentsOf: folder.file("timing.json").path)
  }

  @Test func roundTrip() throws {
    #expect(try read(timing.json.text) == timing)
    var bare = timing
    (bare.nominal, bare.overlap) = (nil, nil)
    #expect(try read(bare.json.text) == bare)
  }

  @Test(arguments: [
    "", "[]", "{}", #"{"nodes": 1, "ranks_per_node": 2}"#,
    #"{"nodes": 0, "ranks_per_node": 2, "collectives": []}"#,
    #"{"nodes": 1, "ranks_per_node": 2, "collectives": [{"name": "gossip", "points": []}]}"#,
    #"{"nodes": 1, "ranks_per_node": 2, "collectives": [], "hidden_rate": 2}"#,
  ])
  func refusesWhatItIsNot(_ text: String) {
    #expect(throws: KelipError.self) { try read(text) }
  }
}
