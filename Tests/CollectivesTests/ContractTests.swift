import Collectives
import CollectivesContract
import Testing

@Suite("The contract of a communicator")
struct ContractTests {
  static let checks = Contract.checks(largeCount: 200_003)

  @Test(arguments: checks)
  func solo(_ check: ContractCheck) throws {
    try check.body(SoloCommunicator())
  }

  @Test(arguments: checks, 1...4)
  func threaded(_ check: ContractCheck, worldSize: Int) throws {
    try ThreadedCommunicator.run(worldSize: worldSize) { try check.body($0) }
  }
}
