import Basics
import Collectives

func reductionChecks(largeCount: Int) -> [ContractCheck] {
  [
    ContractCheck("float sums of whole numbers are exact, and stay within the buffer") { communicator in
      for count in awkwardCounts { try checkFloatSum(communicator, count: count) }
    },
    ContractCheck("the sum of a long buffer") { communicator in
      try checkFloatSum(communicator, count: largeCount)
    },
    ContractCheck("double sums of whole numbers are exact") { communicator in
      for count in awkwardCounts {
        var values = (0..<count).map { Double($0 % 1013 + communicator.rank) * 0x1p40 }
        try values.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
        try expectEqual(values, (0..<count).map { wholeSum($0, communicator) * 0x1p40 }, "doubles")
      }
      try expectEqual(try communicator.sum(2), Double(2 * communicator.worldSize), "one double")
    },
    ContractCheck("the largest double, also negative and infinite") { communicator in
      let last = Double(communicator.worldSize - 1)
      for count in awkwardCounts {
        var values = (0..<count).map { -Double($0) * 0.5 + Double(communicator.rank) }
        try values.withUnsafeMutableBufferPointer { try communicator.allReduceMax($0) }
        try expectEqual(values, (0..<count).map { -Double($0) * 0.5 + last }, "maxima")
      }
      let low = communicator.isLeader ? -Double.infinity : -1
      try expectEqual(try communicator.max(low), communicator.worldSize == 1 ? low : -1, "of -inf")
      try expectEqual(try communicator.max(communicator.isLeader ? .infinity : 0), .infinity, "of +inf")
    },
    ContractCheck("sums of any floats have the same bits on all ranks, and again") { communicator in
      for count in [1, 2, 5, 1009, 16_384, largeCount / 5 + 3] {
        let first = try digestOfSum(communicator, count: count)
        let all = try communicator.allGather(first)
        try expectEqual(all, Array(repeating: all[0], count: communicator.worldSize), "bits over ranks")
        for _ in 0..<3 { try expectEqual(try digestOfSum(communicator, count: count), first, "bits again") }
      }
    },
  ]
}

/// Σ over ranks of `i mod 1013 + rank`.
func wholeSum(_ i: Int, _ communicator: any Communicator) -> Double {
  let n = communicator.worldSize
  return Double(i % 1013 * n + n * (n - 1) / 2)
}

/// The inner part of a larger array is summed; its surroundings keep their values.
private func checkFloatSum(_ communicator: any Communicator, count: Int) throws {
  var values = [Float](repeating: -1, count: count + 2)
  for i in 0..<count { values[i + 1] = Float(i % 1013 + communicator.rank) }
  try values.withUnsafeMutableBufferPointer {
    try communicator.allReduceSum(UnsafeMutableBufferPointer(rebasing: $0[1..<(count + 1)]))
  }
  let wanted = [-1] + (0..<count).map { Float(wholeSum($0, communicator)) } + [-1]
  try expectEqual(values, wanted, "\(count) floats")
}

/// Magnitudes over twelve decades, so that any change in the order of addition shows.
private func digestOfSum(_ communicator: any Communicator, count: Int) throws -> UInt64 {
  var draws = SeededGenerator(seed: Hashing.combine(UInt64(count), UInt64(communicator.rank)))
  var values = (0..<count).map { i in
    Float(draws.nextUniform() - 0.5) * (i % 3 == 0 ? 1e-6 : i % 3 == 1 ? 1 : 1e6)
  }
  try values.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
  return values.reduce(0) { Hashing.mix($0 ^ UInt64($1.bitPattern)) }
}
