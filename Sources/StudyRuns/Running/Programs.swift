import Basics
import Foundation

/// Where a study finds its programs, and how `mpirun` is called.
package struct Programs: Sendable {
  package var worker: String
  package var companion: String
  package var mpirunOptions: [String]

  /// More ranks than cores are allowed; ranks are bound to cores only when each has one.
  package static let defaultOptions = ["--oversubscribe"]

  package init(worker: String, companion: String, mpirunOptions: [String]) {
    (self.worker, self.companion, self.mpirunOptions) = (worker, companion, mpirunOptions)
  }

  /// The running program, `kelip-worker` beside it or in `PATH`.
  ///
  /// - Parameter mpirunOptions: nil for those in `KELIP_MPIRUN_OPTIONS`, else the default.
  package static func installed(mpirunOptions: String?) throws -> Programs {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let beside = own.deletingLastPathComponent().appendingPathComponent("kelip-worker").path
    guard let worker = isExecutable(beside) ? beside : inPath("kelip-worker") else {
      throw KelipError(
        "no program kelip-worker, neither there nor in PATH", at: beside,
        hint: "swift build -c release --product kelip-worker")
    }
    let given = mpirunOptions ?? ProcessInfo.processInfo.environment["KELIP_MPIRUN_OPTIONS"]
    let options = given.map { $0.split(separator: " ").map(String.init) } ?? defaultOptions
    return Programs(worker: worker, companion: own.path, mpirunOptions: options)
  }

  /// The program's words; a world of one needs no launcher.
  func words(for child: ChildProgram) throws -> [String] {
    let program = [child.kind == .worker ? worker : companion] + child.arguments
    guard child.ranks > 1 else { return program }
    guard let mpirun = Self.inPath("mpirun") else {
      throw KelipError(
        "no program mpirun in PATH", hint: "install Open MPI (deploy/setup does), or take --ranks 1")
    }
    return [mpirun, "-n", String(child.ranks)] + mpirunOptions + program
  }

  static func inPath(_ name: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { "\($0)/\(name)" }.first(where: isExecutable)
  }

  private static func isExecutable(_ path: String) -> Bool {
    FileManager.default.isExecutableFile(atPath: path)
  }
}
