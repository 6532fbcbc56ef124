import Basics
import Collectives

let agreementChecks = [
  ContractCheck("agree returns each rank's own value when all succeed") { communicator in
    try expectEqual(try communicator.agree { communicator.rank * 3 }, communicator.rank * 3, "value")
  },
  ContractCheck("agree throws the lowest failing rank's error everywhere") { communicator in
    let last = communicator.worldSize - 1
    let error = try agreedError(communicator) {
      guard communicator.rank == last else { return }
      throw KelipError("no space", at: "/data/낱말", hint: "make room", exitCode: .requeue)
    }
    try expectEqual(
      error.message, communicator.worldSize == 1 ? "no space" : "rank \(last): no space", "message")
    try expectEqual(error.location, "/data/낱말", "location")
    try expectEqual(error.hint, "make room", "hint")
    try expectEqual(error.exitCode, .requeue, "exit code")
  },
  ContractCheck("agree with every rank failing differently") { communicator in
    let error = try agreedError(communicator) {
      throw KelipError("fault \(communicator.rank)", exitCode: communicator.isLeader ? .badInput : .fatal)
    }
    try expectEqual(error.message, "fault 0", "message")
    try expectEqual(error.exitCode, .badInput, "exit code")
    try expect(error.location == nil && error.hint == nil, "location and hint out of nowhere")
  },
  ContractCheck("work on the leader alone") { communicator in
    let value = try communicator.onLeader { communicator.rank + 7 }
    try expectEqual(value, communicator.isLeader ? 7 : nil, "value")
    do {
      _ = try communicator.onLeader { throw KelipError("no space", at: "/data") }
      throw KelipError("no error arrived")
    } catch let error as KelipError {
      try expectEqual(error.message, "no space", "message")
      try expectEqual(error.location, "/data", "location")
    }
  },
  ContractCheck("the world works on after a disagreement") { communicator in
    for round in 0..<3 {
      _ = try agreedError(communicator) { throw KelipError("round \(round)") }
      try expectEqual(try communicator.sum(1), Double(communicator.worldSize), "sum after")
    }
  },
]

private func agreedError(_ communicator: any Communicator, _ body: () throws -> Void) throws -> KelipError {
  do {
    try communicator.agree(body)
  } catch let error as KelipError {
    return error
  }
  throw ContractFailure(description: "agree did not throw")
}
