// The contract of a communicator, over MPI:
//
//   mpirun -n N --oversubscribe mpi-contract [--piece-bytes COUNT] [--large COUNT]
//
// Prints a line for each check from rank 0, and ends the job with a status that is not 0
// when one fails anywhere.

import Collectives
import CollectivesContract
import Foundation
import MPICollectives

/// At once: a line in a buffer would be lost when the job is aborted.
func tell(_ line: String, _ file: FileHandle) { file.write(Data("\(line)\n".utf8)) }

func option(_ name: String, default value: Int) -> Int {
  let arguments = CommandLine.arguments
  guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else { return value }
  guard let number = Int(arguments[place + 1]), number > 0 else {
    tell("\(name): not a count: \(arguments[place + 1])", .standardError)
    exit(2)
  }
  return number
}

/// Whether it holds on every rank.
func holds(_ check: ContractCheck, _ communicator: any Communicator) -> Bool {
  do {
    try check.body(communicator)
    return true
  } catch {
    tell("rank \(communicator.rank): \(check.name): \(error)", .standardError)
    return false
  }
}

let pieceBytes = option("--piece-bytes", default: MPICommunicator.defaultPieceBytes)
let largeCount = option("--large", default: 5_000_000)
let communicator = try MPICommunicator(pieceBytes: pieceBytes)
for check in Contract.checks(largeCount: largeCount) {
  // A rank that failed in the middle of a check would be out of step with its peers.
  guard holds(check, communicator) else { communicator.abort(.fatal) }
  try communicator.barrier()
  if communicator.isLeader { tell("ok  N=\(communicator.worldSize)  \(check.name)", .standardOutput) }
}
try communicator.finalize()
