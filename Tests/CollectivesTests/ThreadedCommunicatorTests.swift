import Basics
import Collectives
import Testing

@Suite("A world of threads")
struct ThreadedCommunicatorTests {
  @Test("returns every rank's result in rank order")
  func results() throws {
    #expect(try ThreadedCommunicator.run(worldSize: 3) { $0.rank * 10 } == [0, 10, 20])
  }

  @Test("a rank that throws makes its peers throw, not hang")
  func leaving() throws {
    let outcomes = ThreadedCommunicator.runCollecting(worldSize: 3) { communicator in
      if communicator.rank == 1 { throw KelipError("gone") }
      try communicator.barrier()
    }
    for outcome in outcomes { #expect(throws: KelipError.self) { try outcome.get() } }
  }

  @Test("the cause is thrown, not what followed from it")
  func cause() {
    let error = #expect(throws: KelipError.self) {
      try ThreadedCommunicator.run(worldSize: 3) { communicator in
        if communicator.rank == 2 { throw KelipError("gone") }
        try communicator.barrier()
      }
    }
    #expect(error?.message == "gone")
  }

  @Test("ranks that call different collectives are told so")
  func mismatch() {
    let error = #expect(throws: KelipError.self) {
      try ThreadedCommunicator.run(worldSize: 2) { communicator in
        if communicator.isLeader { try communicator.barrier() } else { _ = try communicator.sum(1) }
      }
    }
    #expect(error?.message.contains("where others call") == true)
  }

  @Test("sums are taken in rank order")
  func rankOrder() throws {
    let parts: [Float] = [1e8, 1, -1e8, 1]
    let wanted = parts.dropFirst().reduce(parts[0], +)
    let sums = try ThreadedCommunicator.run(worldSize: 4) { communicator in
      var value = [parts[communicator.rank]]
      try value.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
      return value[0]
    }
    #expect(sums == Array(repeating: wanted, count: 4))
  }
}
