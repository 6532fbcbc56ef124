import Collectives

let pendingChecks = [
  ContractCheck("several sums pending at once, awaited in order") { communicator in
    try checkPending(communicator, counts: [65_537, 0, 1, 300_007, 257, 31], order: [0, 1, 2, 3, 4, 5])
  },
  ContractCheck("several sums pending at once, awaited last first") { communicator in
    try checkPending(communicator, counts: [65_537, 0, 1, 300_007, 257, 31], order: [5, 4, 3, 2, 1, 0])
  },
  ContractCheck("other collectives run beside a pending sum") { communicator in
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: 200_003)
    defer { buffer.deallocate() }
    buffer.initialize(repeating: 1)
    let pending = try communicator.startAllReduceSum(buffer)
    try expectEqual(try communicator.sum(1), Double(communicator.worldSize), "sum beside")
    try communicator.barrier()
    try expectEqual(
      try communicator.allGather(communicator.rank).count, communicator.worldSize, "gather beside")
    try pending.wait()
    try expect(buffer.allSatisfy { $0 == Float(communicator.worldSize) }, "the pending sum")
    try expect(pending.isDone, "done after wait")
    try expectEqual(try pending.wait(), 0, "a second wait")
  },
]

private func checkPending(_ communicator: any Communicator, counts: [Int], order: [Int]) throws {
  let buffers = counts.map { UnsafeMutableBufferPointer<Float>.allocate(capacity: $0) }
  defer { buffers.forEach { $0.deallocate() } }
  var pending: [PendingCollective] = []
  for (place, buffer) in buffers.enumerated() {
    for i in buffer.indices { buffer[i] = Float((i + place) % 1013 + communicator.rank) }
    pending.append(try communicator.startAllReduceSum(buffer))
  }
  for place in order {
    try pending[place].wait()
    let wanted = buffers[place].indices.map { Float(wholeSum($0 + place, communicator)) }
    try expectEqual(Array(buffers[place]), wanted, "pending sum \(place)")
  }
}
