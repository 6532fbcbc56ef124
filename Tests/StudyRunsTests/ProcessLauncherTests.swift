import Basics
import Foundation
import TestFolders
import Testing

@testable import StudyRuns

@Suite struct ProcessLauncherTests {
  private let folder: TemporaryFolder
  private let launcher: ProcessLauncher

  init() throws {
    folder = try TemporaryFolder()
    launcher = ProcessLauncher(Programs(worker: "/bin/sh", companion: "/bin/sh", mpirunOptions: []))
  }

  private func shell(_ script: String, output: URL? = nil) -> ChildProgram {
    ChildProgram(
      kind: .companion, arguments: ["-c", script], ranks: 1, log: folder.file("log"), output: output)
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOf: folder.file(name), encoding: .utf8)
  }

  @Test func outputsGoToTheLog() throws {
    #expect(try launcher.run(shell("echo one; echo two >&2; exit 3")) == .exited(3))
    #expect(try launcher.run(shell("echo three", output: folder.file("out"))) == .exited(0))
    #expect(
      try text("log")
        == "$ /bin/sh -c 'echo one; echo two >&2; exit 3'\none\ntwo\n$ /bin/sh -c 'echo three'\n")
    #expect(try text("out") == "three\n")
  }

  @Test func theEndIsTold() throws {
    #expect(try launcher.run(shell("kill -9 $$")) == .signalled(9))
    // Nothing to read, and no group of ours: a Ctrl-C reaches the study alone.
    #expect(try launcher.run(shell("! read line && test $(ps -o pgid= -p $$) = $$")) == .exited(0))
  }

  @Test func programsThatCannotStartAreTold() throws {
    let launcher = ProcessLauncher(Programs(worker: "", companion: "/absent", mpirunOptions: []))
    #expect(throws: KelipError.self) { try launcher.run(shell("true")) }
  }

  @Test func ranksAreStartedByMPIRun() throws {
    let programs = Programs(worker: "/w", companion: "/c", mpirunOptions: ["--oversubscribe"])
    var child = shell("true")
    #expect(try programs.words(for: child) == ["/c", "-c", "true"])
    (child.kind, child.ranks) = (.worker, 3)
    guard Programs.inPath("mpirun") != nil else { return }
    #expect(try programs.words(for: child).dropFirst() == ["-n", "3", "--oversubscribe", "/w", "-c", "true"])
    #expect(Programs.inPath("no-such-program") == nil)
  }
}
