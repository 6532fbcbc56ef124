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
    let exchange = try startSum(buffer, communicator)
    try expectEqual(try communicator.sum(1), Double(communicator.worldSize), "sum beside")
    try communicator.barrier()
    try expectEqual(
      try communicator.allGather(communicator.rank).count, communicator.worldSize, "gather beside")
    try exchange.wait()
    try expect(buffer.allSatisfy { $0 == Float(communicator.worldSize) }, "the pending sum")
    try expect(exchange.pending.isDone, "done after wait")
    try expectEqual(try exchange.wait(), 0, "a second wait")
  },
]

private func startSum(
  _ buffer: UnsafeMutableBufferPointer<Float>, _ communicator: any Communicator
) throws -> Exchange {
  let cuts = GradientLayout.evenCuts(buffer.count, ranks: communicator.worldSize, grain: 16)
  let exchange = Exchange(.allReduce, buffer, cuts: cuts, style: ExchangeStyle())
  try communicator.start(exchange)
  return exchange
}

private func checkPending(_ communicator: any Communicator, counts: [Int], order: [Int]) throws {
  let buffers = counts.map { UnsafeMutableBufferPointer<Float>.allocate(capacity: $0) }
  defer { buffers.forEach { $0.deallocate() } }
  var pending: [Exchange] = []
  for (place, buffer) in buffers.enumerated() {
    for i in buffer.indices { buffer[i] = Float((i + place) % 1013 + communicator.rank) }
    pending.append(try startSum(buffer, communicator))
  }
  for place in order {
    try pending[place].wait()
    let wanted = buffers[place].indices.map { Float(wholeSum($0 + place, communicator)) }
    try expectEqual(Array(buffers[place]), wanted, "pending sum \(place)")
  }
}
