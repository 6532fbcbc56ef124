import Basics
import Foundation

/// Starts programs as child processes, in process groups of their own: a Ctrl-C reaches the study alone, which then asks
/// the program to end as it can.
package struct ProcessLauncher: ProgramLauncher {
  private static let pollMicroseconds: UInt32 = 50_000
  /// A rank hears SIGUSR1 only when it has started, so it is repeated.
  private static let repeatSeconds = 2.0

  private let programs: Programs

  package init(_ programs: Programs) { self.programs = programs }

  package func run(_ child: ChildProgram) throws -> ChildEnd {
    let words = try programs.words(for: child)
    let log = try FileHandle(appendingTo: child.log)
    try log.write(contentsOf: Data("$ \(words.map(Self.quoted).joined(separator: " "))\n".utf8))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: words[0])
    process.arguments = Array(words.dropFirst())
    process.environment = Self.environment
    process.standardInput = FileHandle.nullDevice
    process.standardError = log
    process.standardOutput = try child.output.map(FileHandle.init(emptying:)) ?? log
    let signalsBefore = StopRequest.count
    guard signalsBefore == 0 else { return .stopped }
    do {
      try process.run()
    } catch {
      throw KelipError("cannot start: \(error.localizedDescription)", at: words[0])
    }
    let wasStopped = wait(process, child.kind)
    if wasStopped { return .stopped }
    return process.terminationReason == .exit
      ? .exited(process.terminationStatus) : .signalled(process.terminationStatus)
  }

  /// - Returns: whether the study was told to stop meanwhile.
  private func wait(_ process: Process, _ kind: ChildProgram.Kind) -> Bool {
    var nextSignal = 0.0
    while process.isRunning {
      let requests = StopRequest.count
      if requests > 0, monotonicSeconds() >= nextSignal {
        nextSignal = monotonicSeconds() + Self.repeatSeconds
        Self.stop(process, kind, requests)
      }
      usleep(Self.pollMicroseconds)
    }
    // The exit status comes with it.
    process.waitUntilExit()
    return StopRequest.count > 0
  }

  /// The first signal lets a run save; the second ends it without, the third takes no answer.
  private static func stop(_ process: Process, _ kind: ChildProgram.Kind, _ requests: Int) {
    switch requests {
    case 1: kill(process.processIdentifier, kind == .worker ? SIGUSR1 : SIGTERM)
    case 2: kill(process.processIdentifier, SIGTERM)
    default: kill(-process.processIdentifier, SIGKILL)
    }
  }

  /// Open MPI asks root to say so twice.
  private static var environment: [String: String] {
    var environment = ProcessInfo.processInfo.environment
    if geteuid() == 0 {
      environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
      environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    }
    return environment
  }

  /// As a shell reads it.
  private static func quoted(_ word: String) -> String {
    let plain = word.allSatisfy { $0.isLetter || $0.isNumber || "-_=+.,/:".contains($0) }
    return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}

extension FileHandle {
  convenience init(appendingTo url: URL) throws { try self.init(opening: url, O_APPEND) }

  convenience init(emptying url: URL) throws { try self.init(opening: url, O_TRUNC) }

  private convenience init(opening url: URL, _ flags: Int32) throws {
    let descriptor = open(url.path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0o666)
    guard descriptor >= 0 else { throw KelipError.posix("open", at: url.path) }
    self.init(fileDescriptor: descriptor, closeOnDealloc: true)
  }
}
