/// One sample: which shard of the list, and which of its samples.
package struct SampleID: Hashable, Sendable {
  package let shard: Int
  package let index: Int

  package init(shard: Int, index: Int) {
    self.shard = shard
    self.index = index
  }
}

/// Numbers the samples of shards laid end to end, in a given order of the shards.
struct SampleNumbering: Sendable {
  /// The shard at each place, or nil for the order of the list.
  private let order: [UInt32]?
  /// The number of samples before place i; one element more than there are shards.
  private let starts: [Int]

  init(shardSampleCounts: [Int], order: [UInt32]? = nil) {
    var starts = [0]
    starts.reserveCapacity(shardSampleCounts.count + 1)
    for place in shardSampleCounts.indices {
      let shard = order.map { Int($0[place]) } ?? place
      starts.append(starts[place] + shardSampleCounts[shard])
    }
    self.order = order
    self.starts = starts
  }

  var count: Int { starts.last! }

  /// The shards in their order.
  var shardOrder: [Int] { order.map { $0.map(Int.init) } ?? Array(0..<(starts.count - 1)) }

  /// The sample with number `position`.
  func sample(_ position: Int) -> SampleID {
    let place = place(of: position)
    return SampleID(shard: shard(place), index: position - starts[place])
  }

  /// The shard that holds sample number `position`, and the number of the first sample behind it.
  func shard(at position: Int) -> (shard: Int, end: Int) {
    let place = place(of: position)
    return (shard(place), starts[place + 1])
  }

  private func shard(_ place: Int) -> Int { order.map { Int($0[place]) } ?? place }

  /// By bisection.
  private func place(of position: Int) -> Int {
    precondition((0..<count).contains(position))
    var low = 0
    var high = starts.count - 1
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= position { low = middle } else { high = middle }
    }
    return low
  }
}
