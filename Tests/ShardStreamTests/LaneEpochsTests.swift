import Testing

@testable import ShardStream

@Suite struct LaneEpochsTests {
  static let sizes = [
    (1, 1), (1, 7), (5, 1), (5, 5), (7, 3), (97, 8), (3, 64), (101, 64), (1009, 12),
  ]

  @Test(arguments: sizes) func lanesAddUpToTheEpoch(_ samples: Int, _ lanes: Int) {
    let rule = LaneEpochs(sampleCount: samples, laneCount: lanes)
    for epoch in 0..<(2 * lanes + 3) {
      let starts = (0..<lanes).map { rule.start(lane: $0, epoch: epoch) }
      #expect(starts.reduce(0, +) == epoch * samples)
      #expect(starts.max()! - starts.min()! <= 1)
      var end = 0
      for lane in 0..<lanes {
        let segment = rule.segment(lane: lane, epoch: epoch)
        #expect(segment.lowerBound == end)
        #expect(segment.count == rule.start(lane: lane, epoch: epoch + 1) - starts[lane])
        end = segment.upperBound
      }
      #expect(end == samples)
    }
  }

  @Test(arguments: sizes) func theEpochOfASampleIsTheOneThatHoldsIt(_ samples: Int, _ lanes: Int) {
    let rule = LaneEpochs(sampleCount: samples, laneCount: lanes)
    for lane in 0..<lanes {
      for ordinal in 0..<(3 * samples / lanes + 5) {
        let epoch = rule.epoch(lane: lane, ordinal: ordinal)
        #expect(rule.start(lane: lane, epoch: epoch) <= ordinal)
        #expect(ordinal < rule.start(lane: lane, epoch: epoch + 1))
      }
    }
  }

  @Test func largeNumbersDoNotOverflow() {
    let rule = LaneEpochs(sampleCount: 1_184_000_000, laneCount: 4096)
    let ordinal = 1_000_000_000_000_000
    let epoch = rule.epoch(lane: 4095, ordinal: ordinal)
    #expect(rule.start(lane: 4095, epoch: epoch) <= ordinal)
    #expect(ordinal < rule.start(lane: 4095, epoch: epoch + 1))
  }
}
