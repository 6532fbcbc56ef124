import Collectives
import Foundation

let worldChecks = [
  ContractCheck("ranks are 0 ..< N, and local ranks fit the machine") { communicator in
    try expectEqual(try communicator.allGather(communicator.rank), Array(0..<communicator.worldSize), "ranks")
    try expect((0..<communicator.localWorldSize).contains(communicator.localRank), "local rank out of range")
    try expect(communicator.localWorldSize <= communicator.worldSize, "more local ranks than ranks")
    try expectEqual(communicator.isLeader, communicator.rank == 0, "isLeader")
  },
  ContractCheck("nobody leaves a barrier before all have come") { communicator in
    for round in 0..<5 {
      usleep(UInt32((communicator.rank + round) % 3) * 2_000)
      let entered = monotonicSeconds()
      try communicator.barrier()
      let left = monotonicSeconds()
      let lastEntry = try communicator.allGather(entered).max()!
      // Clocks of different machines do not compare.
      guard communicator.localWorldSize == communicator.worldSize else { continue }
      try expect(left >= lastEntry, "left at \(left), the last entered at \(lastEntry)")
    }
  },
  ContractCheck("broadcast from every root, of every size") { communicator in
    for root in 0..<communicator.worldSize {
      for count in awkwardCounts {
        let wanted = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ root) }
        var bytes = communicator.rank == root ? wanted : [UInt8](repeating: 255, count: count)
        try bytes.withUnsafeMutableBytes { try communicator.broadcast($0, root: root) }
        try expectEqual(bytes, wanted, "root \(root)")
      }
    }
  },
  ContractCheck("broadcast of bytes whose count only the root knows") { communicator in
    let root = communicator.worldSize - 1
    for count in awkwardCounts {
      let wanted = [UInt8](repeating: 7, count: count)
      let bytes = communicator.rank == root ? wanted : [UInt8](repeating: 9, count: communicator.rank)
      try expectEqual(try communicator.broadcastBytes(bytes, root: root), wanted, "bytes")
    }
  },
]

/// Of one clock for all processes of a machine.
private func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
