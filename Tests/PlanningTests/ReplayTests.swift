import Testing

@testable import Planning

/// A network of 1 GB/s and no latency, so that bytes are nanoseconds; messages are free.
private func cluster(nodes: Int = 2, ranks: Int = 1, overlap: Overlap = Overlap()) -> Cluster {
  Cluster(
    nodes: nodes, ranksPerNode: ranks, network: Link(latencySeconds: 0, bytesPerSecond: 1e9),
    memory: Link(latencySeconds: 0, bytesPerSecond: 1e9), messageSeconds: 0, overlap: overlap)
}

/// An all-reduce that takes so long on two nodes.
private func allReduce(seconds: Double) -> Collective { Collective(.allReduce, bytes: seconds * 1e9) }

private func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * max(1, abs(a), abs(b)) }

@Suite("A replayed step")
struct ReplayTests {
  @Test("without events is its compute")
  func empty() {
    let result = StepReplay(cluster()).run(StepTrace(events: [], tailSeconds: 3))
    #expect(result == StepReplay.Result(stepSeconds: 3, computeSeconds: 3))
  }

  @Test("stands still for what it calls in the foreground")
  func blocking() {
    let trace = StepTrace(events: [.init(1, .blocking(allReduce(seconds: 0.5)))], tailSeconds: 2)
    let result = StepReplay(cluster()).run(trace)
    #expect(isClose(result.stepSeconds, 3.5) && isClose(result.exposedSeconds, 0.5))
    #expect(isClose(result.blockingSeconds, 0.5) && isClose(result.hiddenSeconds, 0))
  }

  @Test("hides what compute covers, and waits for the rest")
  func background() {
    let events: [StepTrace.Event] = [
      .init(1, .start(allReduce(seconds: 2))), .init(1, .start(allReduce(seconds: 1))), .init(0.5, .wait(0)),
      .init(0.25, .wait(1)),
    ]
    let result = StepReplay(cluster()).run(StepTrace(events: events, tailSeconds: 0.25))
    // The first runs from 1 to 3, waited for from 2.5; the second from 3 to 4, waited for from 3.25.
    #expect(isClose(result.exposedSeconds, 1.25))
    #expect(isClose(result.stepSeconds, 4.25) && isClose(result.communicationSeconds, 3))
    #expect(isClose(result.hiddenSeconds, 1.75) && result.blockingSeconds == 0)
  }

  @Test("a call in the foreground waits for those before it")
  func order() {
    let events: [StepTrace.Event] = [
      .init(0, .start(allReduce(seconds: 2))), .init(0.5, .blocking(allReduce(seconds: 1))),
      .init(0, .wait(0)),
    ]
    let result = StepReplay(cluster()).run(StepTrace(events: events, tailSeconds: 0))
    #expect(isClose(result.stepSeconds, 3) && isClose(result.exposedSeconds, 2.5))
  }

  @Test("is slowed by communication on its core")
  func overlap() {
    let overlap = Overlap(hiddenRate: 0.5, stolenSecondsPerByte: 0.5e-9)
    let events: [StepTrace.Event] = [.init(0, .start(allReduce(seconds: 1))), .init(3, .wait(0))]
    let result = StepReplay(cluster(overlap: overlap)).run(StepTrace(events: events, tailSeconds: 0))
    // Two seconds of the clock at half the rate, of which compute keeps three quarters; then undisturbed.
    #expect(isClose(result.stolenSeconds, 0.5) && isClose(result.stepSeconds, 3.5))
    #expect(result.exposedSeconds == 0 && isClose(result.computeSeconds, 3))
  }

  @Test("what is never waited for delays nobody")
  func forgotten() {
    let trace = StepTrace(events: [.init(1, .start(allReduce(seconds: 9)))], tailSeconds: 1)
    #expect(isClose(StepReplay(cluster()).run(trace).stepSeconds, 2))
  }

  @Test("a world of one has nothing to wait for")
  func alone() {
    let trace = StepTrace(
      events: [.init(1, .start(allReduce(seconds: 9))), .init(1, .wait(0))], tailSeconds: 0)
    #expect(StepReplay(cluster(nodes: 1)).run(trace).stepSeconds == 2)
  }
}

@Suite("The cost of a collective")
struct CollectiveCostTests {
  private let network = Link(latencySeconds: 1e-3, bytesPerSecond: 1e6)
  private let memory = Link(latencySeconds: 1e-4, bytesPerSecond: 1e7)

  private func cost(_ nodes: Int, _ ranks: Int) -> CollectiveCost {
    CollectiveCost(
      Cluster(
        nodes: nodes, ranksPerNode: ranks, network: network, memory: memory, messageSeconds: 1e-5))
  }

  @Test(arguments: Collective.Kind.allCases)
  func nothingForOne(_ kind: Collective.Kind) {
    #expect(cost(1, 1).seconds(Collective(kind, bytes: 1e6)) == 0)
  }

  @Test func longAllReduceOnOneMachine() {
    // Two rounds of ¾ of the buffer among 4 ranks.
    let expected: Double = 2 * (1e-4 + 3e-5 + 0.075)
    #expect(isClose(cost(1, 4).seconds(Collective(.allReduce, bytes: 1e6)), expected))
  }

  @Test func longAllReduceOnMachines() {
    let within: Double = 1e-4 + 1e-5 + 0.05
    let between: Double = 1e-3 + 2e-5 + 2.0 / 3
    let expected = 2 * (within + between)
    #expect(isClose(cost(3, 2).seconds(Collective(.allReduce, bytes: 1e6)), expected))
    #expect(isClose(cost(3, 2).seconds(Collective(.reduceScatter, bytes: 1e6)), expected / 2))
  }

  @Test func halfTheBytesTravelInHalfPrecision() {
    var halved = Collective(.reduceScatter, bytes: 1e6)
    halved.wireShare = 0.5
    // Within the machine all of them are read.
    let expected: Double = (1e-4 + 1e-5 + 0.05) + (1e-3 + 1e-5 + 0.25)
    #expect(isClose(cost(2, 2).seconds(halved), expected))
  }

  @Test func withoutTheHierarchyAllRanksMeetAtOnce() {
    var flat = Collective(.partGather, bytes: 1e6)
    flat.isHierarchical = false
    // Each of 2 ranks sends a sixth of the buffer to each of 4 others.
    let expected: Double = 1e-3 + 5e-5 + 8.0 / 6
    #expect(isClose(cost(3, 2).seconds(flat), expected))
    #expect(cost(1, 4).seconds(flat) == cost(1, 4).seconds(Collective(.partGather, bytes: 1e6)))
  }

  @Test func ranksSendTheirPartOfWhatLeavesTheMachine() {
    // Half of the buffer to the rank beside, and of the half that is left two thirds to other machines; and back.
    let sent: Double = 2 * (0.5e6 + 1e6 / 3)
    #expect(isClose(cost(3, 2).trafficBytes(Collective(.allReduce, bytes: 1e6)), sent))
    #expect(isClose(cost(3, 2).trafficBytes(Collective(.partGather, bytes: 1e6)), sent / 2))
    #expect(cost(3, 2).trafficBytes(Collective(.allGather, bytes: 10)) == 50)
    #expect(cost(1, 1).trafficBytes(Collective(.allReduce, bytes: 1e6)) == 0)
  }

  @Test func aGatherOfOneRanksPartsGrowsWithTheWorld() {
    var growing = Collective(.partGather, bytes: 1e5)
    growing.isPerRank = true
    #expect(isClose(cost(3, 2).seconds(growing), cost(3, 2).seconds(Collective(.partGather, bytes: 6e5))))
  }

  @Test func shortAllReduceIsOneGather() {
    let gather = cost(2, 2).seconds(Collective(.allGather, bytes: 8))
    #expect(isClose(cost(2, 2).seconds(Collective(.allReduce, bytes: 8)), gather))
    // 8 bytes of each of 2 ranks to each of 2 others leave a machine; 8 come from the rank beside.
    let expected: Double = 1e-3 + 3e-5 + 32e-6 + 8e-7
    #expect(isClose(gather, expected))
  }

  @Test(arguments: [(1, 2), (1, 16), (2, 1), (2, 16), (7, 3), (1024, 16)])
  func growsWithBytes(nodes: Int, ranks: Int) {
    for kind in Collective.Kind.allCases where kind != .barrier {
      let times = [1e3, 1e5, 1e7].map { cost(nodes, ranks).seconds(Collective(kind, bytes: $0)) }
      #expect(times.allSatisfy { $0.isFinite && $0 > 0 })
      #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 }, "\(kind)")
    }
  }

  @Test(arguments: [(1, 0), (2, 1), (3, 2), (8, 3), (9, 4)])
  func treesHaveALevelADoubling(nodes: Int, levels: Int) {
    #expect(isClose(cost(nodes, 1).seconds(Collective(.barrier, bytes: 0)), Double(levels) * 1e-3))
  }
}
