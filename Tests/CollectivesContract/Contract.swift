import Collectives

/// One promise that every communicator keeps. Run on all ranks at once; throws where it is broken.
package struct ContractCheck: Sendable, CustomStringConvertible {
  package let name: String
  package let body: @Sendable (any Communicator) throws -> Void

  init(_ name: String, _ body: @escaping @Sendable (any Communicator) throws -> Void) {
    self.name = name
    self.body = body
  }

  package var description: String { name }
}

/// The checks that a solo, a threaded and an MPI world all pass.
package enum Contract {
  /// - Parameter largeCount: the longest buffers; a debug build is slow to fill them.
  package static func checks(largeCount: Int) -> [ContractCheck] {
    worldChecks + reductionChecks(largeCount: largeCount) + pendingChecks + gatherChecks + agreementChecks
      + exchangeChecks + bucketChecks
  }
}

struct ContractFailure: Error, CustomStringConvertible {
  let description: String
}

func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
  guard condition else { throw ContractFailure(description: message()) }
}

func expectEqual<T: Equatable>(_ got: T, _ wanted: T, _ what: @autoclosure () -> String) throws {
  try expect(got == wanted, "\(what()): got \(got), wanted \(wanted)")
}

/// The same for long arrays: names the first place that differs.
func expectEqual<T: Equatable>(_ got: [T], _ wanted: [T], _ what: @autoclosure () -> String) throws {
  try expectEqual(got.count, wanted.count, "\(what()), count")
  guard let i = got.indices.first(where: { got[$0] != wanted[$0] }) else { return }
  try expectEqual(got[i], wanted[i], "\(what()) [\(i)] of \(got.count)")
}

/// Empty, one, small, odd, prime, and longer than a message that MPI sends eagerly.
let awkwardCounts = [0, 1, 2, 3, 7, 31, 257, 1009, 65_537]
