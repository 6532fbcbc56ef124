/// Which component each place of a lane takes, in exact proportion to integer weights.
///
/// The places are split in two again and again: of the first n places of a node with weights a and b, its left
/// half gets ⌊(n·a + φ)/(a + b)⌋ and its right half the others, so that both counts only ever grow by one at a
/// time. φ is set apart by lane: over all C lanes the first split is exact to less than one sample (Hermite's
/// identity). In any prefix of a lane a component is within `depth` samples of its exact share.
struct MixtureSplit: Sendable {
  let laneCount: Int
  /// The sum of the weights before component c; one element more than there are components.
  private let starts: [Int]

  /// - Parameter weights: positive, with a sum that an `Int` holds.
  init(weights: [Int], laneCount: Int) {
    precondition(!weights.isEmpty && weights.allSatisfy { $0 > 0 } && laneCount > 0)
    self.laneCount = laneCount
    starts = weights.reduce(into: [0]) { $0.append($0.last! + $1) }
  }

  var componentCount: Int { starts.count - 1 }
  var totalWeight: Int { starts.last! }

  /// ⌈log₂ m⌉ for m components.
  var depth: Int {
    componentCount == 1 ? 0 : Int.bitWidth - (componentCount - 1).leadingZeroBitCount
  }

  /// What place `position` of a lane takes.
  func pick(lane: Int, position: Int) -> MixturePick {
    var node = Node(components: 0..<componentCount, phase: lane, position: position)
    while node.components.count > 1 {
      let left = leftCount(node)
      var next = node
      next.position += 1
      node = leftCount(next) > left ? node.left(left) : node.right(node.position - left, laneCount)
    }
    return MixturePick(component: node.components.lowerBound, lane: node.phase, ordinal: node.position)
  }

  /// How many of the first `count` places of a lane the component takes.
  func count(of component: Int, lane: Int, before count: Int) -> Int {
    var node = Node(components: 0..<componentCount, phase: lane, position: count)
    while node.components.count > 1 {
      let left = leftCount(node)
      node =
        component < node.middle ? node.left(left) : node.right(node.position - left, laneCount)
    }
    return node.position
  }

  private struct Node {
    var components: Range<Int>
    /// 0..<C: which lanes are ahead of others. Those that are ahead on the left are behind on the right.
    var phase: Int
    var position: Int

    var middle: Int { (components.lowerBound + components.upperBound + 1) / 2 }

    func left(_ position: Int) -> Node {
      Node(components: components.lowerBound..<middle, phase: phase, position: position)
    }

    func right(_ position: Int, _ laneCount: Int) -> Node {
      Node(
        components: middle..<components.upperBound, phase: laneCount - 1 - phase, position: position)
    }
  }

  /// In 128 bits: places and weights may both be in the billions.
  private func leftCount(_ node: Node) -> Int {
    let first = starts[node.components.lowerBound]
    let left = UInt128(starts[node.middle] - first)
    let whole = UInt128(starts[node.components.upperBound] - first)
    let phase = UInt128(node.phase) * whole / UInt128(laneCount)
    return Int((UInt128(node.position) * left + phase) / whole)
  }
}

/// A component's sample, by its number in one of the component's lanes.
struct MixturePick: Equatable, Sendable {
  let component: Int
  /// The lane's phase in the component: of two lanes the one with the larger phase is ahead where they differ, as
  /// `LaneEpochs` has it. So with up to two components, epochs of each end within one batch.
  let lane: Int
  /// Counted over all epochs.
  let ordinal: Int
}
