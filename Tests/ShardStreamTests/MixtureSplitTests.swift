import Testing

@testable import ShardStream

@Suite struct MixtureSplitTests {
  static let weights = [
    [1], [1, 1], [708, 476], [1, 1000], [1000, 1], [3, 1, 2], [1, 1, 1, 1, 1], [7, 11, 13, 17, 19, 23, 29],
    [1, 1_000_000_007, 5], [4_000_000_000_000_000_000, 3, 5_000_000_000_000_000_000],
  ]

  /// Walking a lane place by place, each component's ordinals come as 0, 1, 2 …, and agree with the counts.
  @Test(arguments: weights, [1, 3, 16]) func aLaneCountsEachComponentUp(_ weights: [Int], _ lanes: Int) {
    let split = MixtureSplit(weights: weights, laneCount: lanes)
    for lane in 0..<lanes {
      var next = weights.map { _ in 0 }
      for position in 0..<500 {
        for component in weights.indices {
          #expect(split.count(of: component, lane: lane, before: position) == next[component])
        }
        let pick = split.pick(lane: lane, position: position)
        #expect(pick.ordinal == next[pick.component])
        next[pick.component] += 1
      }
    }
  }

  @Test(arguments: weights, [1, 3, 16, 64])
  func everyPrefixOfALaneIsInProportion(_ weights: [Int], _ lanes: Int) {
    let split = MixtureSplit(weights: weights, laneCount: lanes)
    let total = weights.reduce(0.0) { $0 + Double($1) }
    for component in weights.indices {
      let share = Double(weights[component]) / total
      for lane in 0..<lanes {
        for count in [0, 1, 2, 3, 17, 100, 999, 123_457] {
          let found = Double(split.count(of: component, lane: lane, before: count))
          #expect(abs(found - share * Double(count)) <= Double(split.depth))
        }
      }
    }
  }

  /// Over all lanes: less than a sample for two components, and no more than depth × C for any number.
  @Test(arguments: weights, [1, 3, 16, 64])
  func everyPrefixOfAllLanesIsInProportion(_ weights: [Int], _ lanes: Int) {
    let split = MixtureSplit(weights: weights, laneCount: lanes)
    let total = weights.reduce(0.0) { $0 + Double($1) }
    for component in weights.indices {
      let share = Double(weights[component]) / total
      var largest = 0.0
      for count in Array(0..<200) + [12_345, 1_000_003] {
        let found = (0..<lanes).reduce(0) { $0 + split.count(of: component, lane: $1, before: count) }
        largest = max(largest, abs(Double(found) - share * Double(count * lanes)))
      }
      #expect(largest < (weights.count <= 2 ? 1 : Double(max(1, split.depth * lanes))))
    }
  }

  @Test(arguments: weights) func lanesOfAComponentAreItsOwn(_ weights: [Int]) {
    let split = MixtureSplit(weights: weights, laneCount: 6)
    var lanes = weights.map { _ in [Int: Set<Int>]() }
    for lane in 0..<6 {
      for position in 0..<200 {
        let pick = split.pick(lane: lane, position: position)
        lanes[pick.component][lane, default: []].insert(pick.lane)
      }
    }
    for component in lanes where component.count == 6 {
      #expect(component.values.allSatisfy { $0.count == 1 })
      #expect(Set(component.values.flatMap(\.self)).count == 6)
    }
  }

  @Test func depthIsTheLogarithm() {
    let depths = [1: 0, 2: 1, 3: 2, 4: 2, 5: 3, 8: 3, 9: 4]
    for (count, depth) in depths {
      #expect(MixtureSplit(weights: Array(repeating: 1, count: count), laneCount: 2).depth == depth)
    }
  }

  @Test func oneComponentTakesEveryPlace() {
    let split = MixtureSplit(weights: [5], laneCount: 4)
    #expect(split.pick(lane: 3, position: 1 << 60) == MixturePick(component: 0, lane: 3, ordinal: 1 << 60))
  }
}
