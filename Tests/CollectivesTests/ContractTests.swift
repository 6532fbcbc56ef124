import Collectives
import CollectivesContract
import Testing

@Suite("The contract of a communicator")
struct ContractTests {
  @Test(arguments: Contract.checks)
  func solo(_ check: ContractCheck) throws {
    try check.body(SoloCommunicator())
  }

  @Test(arguments: Contract.checks, 1...4)
  func threaded(_ check: ContractCheck, worldSize: Int) throws {
    try ThreadedCommunicator.run(worldSize: worldSize) { try check.body($0) }
  }
}
