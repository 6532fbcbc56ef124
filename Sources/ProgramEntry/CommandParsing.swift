import ArgumentParser
import Basics
import Foundation

/// Parses the command line. A request for help is answered and ends the process; a mistake comes back as a
/// `KelipError` with exit code 2, so that a world of many ranks can tell it once.
package func parseCommandLine<Root: ParsableCommand>(_: Root.Type) -> Result<any ParsableCommand, KelipError>
{
  do {
    return .success(try Root.parseAsRoot())
  } catch {
    guard Root.exitCode(for: error) != .success else { Root.exit(withError: error) }
    let name = Root.configuration.commandName ?? "\(Root.self)"
    return .failure(KelipError(Root.message(for: error), hint: "see \(name) --help"))
  }
}

/// The same for a program that is one command: anything else that parsing gives is a request for help.
package func parseCommand<Command: ParsableCommand>(_: Command.Type) -> Result<Command, KelipError> {
  parseCommandLine(Command.self).map { parsed in
    if let command = parsed as? Command { return command }
    var help = parsed
    do {
      try help.run()
      Command.exit()
    } catch {
      Command.exit(withError: error)
    }
  }
}
