import Collectives

let gatherChecks = [
  ContractCheck("all-gather in rank order") { communicator in
    for count in awkwardCounts {
      let mine = (0..<count).map { Int32($0 * communicator.worldSize + communicator.rank) }
      var all = [Int32](repeating: -1, count: count * communicator.worldSize)
      try mine.withUnsafeBufferPointer { source in
        try all.withUnsafeMutableBufferPointer { try communicator.allGather(source, into: $0) }
      }
      try expectEqual(all, gathered(count, communicator), "gathered")
    }
  },
  ContractCheck("all-gather from a rank's own place") { communicator in
    for count in awkwardCounts {
      var all = [Int32](repeating: -1, count: count * communicator.worldSize)
      let place = communicator.rank * count
      for i in 0..<count { all[place + i] = Int32(i * communicator.worldSize + communicator.rank) }
      try all.withUnsafeMutableBufferPointer {
        try communicator.allGather(UnsafeBufferPointer(rebasing: $0[place..<(place + count)]), into: $0)
      }
      try expectEqual(all, gathered(count, communicator), "gathered in place")
    }
  },
  ContractCheck("all-gather of unequal byte counts, some empty") { communicator in
    for scale in [0, 1, 1009, 40_009] {
      let all = try communicator.allGatherBytes(bytes(of: communicator.rank, scale))
      try expectEqual(all, (0..<communicator.worldSize).map { bytes(of: $0, scale) }, "scale \(scale)")
    }
    let onlyLast = communicator.rank == communicator.worldSize - 1 ? [UInt8](repeating: 3, count: 5) : []
    let all = try communicator.allGatherBytes(onlyLast)
    try expectEqual(all.map(\.count).reduce(0, +), 5, "bytes from the last rank only")
  },
]

/// What `count` elements of every rank look like, end to end.
private func gathered(_ count: Int, _ communicator: any Communicator) -> [Int32] {
  (0..<communicator.worldSize).flatMap { rank in
    (0..<count).map { Int32($0 * communicator.worldSize + rank) }
  }
}

/// Rank 0 brings nothing, rank 1 `scale` bytes, rank 2 four times as many, …
private func bytes(of rank: Int, _ scale: Int) -> [UInt8] {
  (0..<(rank * rank * scale)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ rank) }
}
