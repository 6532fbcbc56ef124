import ArgumentParser
import Basics
import Foundation

/// Parses the command line. A request for help is answered and ends the process; a mistake comes back as a
/// `KelipError` with exit code 2, so that a world of many ranks can tell it once.
package func parseCommandLine<Command: ParsableCommand>(_: Command.Type) -> Result<any ParsableCommand, KelipError> {
  do {
    return .success(try Command.parseAsRoot())
  } catch {
    guard Command.exitCode(for: error) != .success else { Command.exit(withError: error) }
    return .failure(KelipError(Command.message(for: error), hint: "see \(Command._commandName) --help"))
  }
}
