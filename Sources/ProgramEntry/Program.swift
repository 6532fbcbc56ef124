import Basics
import Collectives
import Foundation
import MPICollectives

/// How a program of equal workers starts and ends.
package enum Program {
  /// Joins the world, runs `body` on every rank and leaves; ends the process with the error's exit code.
  ///
  /// An error that all ranks agreed on is told once, by the leader. One that only this rank knows of is told here, and
  /// the whole job is ended: the others would wait for it for ever.
  ///
  /// - Parameter threads: those that compute, in each rank.
  package static func run(threads: Int = 1, _ body: (any Communicator) throws -> ExitCode) -> Never {
    let world: any Communicator
    do {
      world = try MPICommunicator.world()
    } catch {
      tell(error, rank: nil)
      exit(ExitCode.fatal.rawValue)
    }
    do {
      if let warning = try CoreAffinity.settle(world, threads: threads) { warn(warning) }
      let code = try body(world)
      try world.finalize()
      exit(code.rawValue)
    } catch {
      end(error, world)
    }
  }

  private static func end(_ error: any Error, _ world: any Communicator) -> Never {
    let known = error as? KelipError
    let code = known?.exitCode ?? .fatal
    guard let mpi = world as? MPICommunicator, mpi.worldSize > 1 else {
      tell(error, rank: nil)
      exit(code.rawValue)
    }
    guard known?.isAgreed == true else {
      tell(error, rank: mpi.rank)
      mpi.abort(code)
    }
    if mpi.isLeader { tell(error, rank: nil) }
    try? mpi.finalize()
    exit(code.rawValue)
  }

  private static func warn(_ text: String) {
    FileHandle.standardError.write(Data("warning: \(text)\n".utf8))
  }

  /// Says on standard error what went wrong.
  package static func tell(_ error: any Error, rank: Int?) {
    let origin = rank.map { "[rank \($0)] " } ?? ""
    FileHandle.standardError.write(Data("\(origin)error: \(error)\n".utf8))
  }
}
