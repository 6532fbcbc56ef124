import Foundation

/// A program that a study starts and waits for.
package struct ChildProgram: Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    /// Trains; saves and ends on SIGUSR1.
    case worker
    /// Evaluates.
    case companion
  }

  package var kind: Kind
  package var arguments: [String]
  package var ranks: Int
  /// Both outputs are appended to it.
  package var log: URL
  /// Takes standard output instead.
  package var output: URL?
}

package enum ChildEnd: Sendable, Equatable {
  case exited(Int32)
  /// By a signal that the study did not send.
  case signalled(Int32)
  /// On a signal to the study.
  case stopped
}

package protocol ProgramLauncher {
  /// Starts the program and returns when it has ended.
  ///
  /// - Throws: `KelipError` where it cannot be started.
  func run(_ program: ChildProgram) throws -> ChildEnd
}
