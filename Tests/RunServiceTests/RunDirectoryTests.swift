import Basics
import Foundation
import Synchronization
import TestFolders
import Testing

@testable import RunService

@Suite struct RunLockTests {
  @Test func aSecondHolderIsRefusedAndToldOfTheFirst() throws {
    let folder = try TemporaryFolder()
    let place = folder.file("lock")
    var first: RunLock? = try RunLock(at: place)
    let error = #expect(throws: KelipError.self) { try RunLock(at: place) }
    #expect(error?.message.contains("process \(getpid()) on ") == true)
    #expect(error?.location == place.path && error?.hint != nil)
    withExtendedLifetime(first) {}
    first = nil
    _ = try RunLock(at: place)
  }

  @Test func aShorterHolderLeavesNothingOfALongerOne() throws {
    let folder = try TemporaryFolder()
    try Data(String(repeating: "x", count: 500).utf8).write(to: folder.file("lock"))
    let lock = try RunLock(at: folder.file("lock"))
    let text = try withExtendedLifetime(lock) { try String(contentsOf: folder.file("lock"), encoding: .utf8) }
    #expect(text.hasPrefix("process \(getpid()) on ") && !text.contains("xxx"))
  }

  @Test func aLockThatCannotBeMadeIsNamed() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: KelipError.self) { try RunLock(at: folder.file("absent/lock")) }
    #expect(error?.location?.hasSuffix("absent/lock") == true)
  }
}

@Suite struct RunDirectoryTests {
  @Test func parentsAreMade() throws {
    let folder = try TemporaryFolder()
    let directory = RunDirectory(folder.file("a/b/c").path)
    try directory.create()
    try directory.create()
    #expect(FileManager.default.fileExists(atPath: directory.root.path))
    #expect(directory.metrics.path.hasSuffix("a/b/c/metrics.jsonl"))
  }

  @Test func aFileInTheWayIsAnError() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: folder.file("file"))
    let error = #expect(throws: KelipError.self) { try RunDirectory(folder.file("file/run").path).create() }
    #expect(error?.location?.contains("file/run") == true)
    #expect(error?.hint?.contains("run.directory") == true)
  }
}

@Suite struct ProgressLineTests {
  @Test(arguments: [
    (0.0, "0s"), (0.4, "0s"), (0.6, "1s"), (59.4, "59s"), (59.6, "1m 0s"), (61, "1m 1s"), (3599.4, "59m 59s"),
    (3600, "1h 0m"), (86399, "23h 59m"), (86400, "1d 0h"), (1e6, "11d 13h"),
  ])
  func durations(seconds: Double, text: String) {
    #expect(ProgressLine.duration(seconds) == text)
  }
}

@Suite(.serialized) struct RunLogHandlerTests {
  @Test func linesAreAppendedWithTimeAndRank() throws {
    let folder = try TemporaryFolder()
    try Data("before\n".utf8).write(to: folder.file("run.log"))
    try RunLogHandler.attach(folder.file("run.log"))
    RunLogHandler.logger(rank: 0).info("hello")
    let forwarded = Mutex<[String]>([])
    RunLogHandler.forward { line in forwarded.withLock { $0.append(line) } }
    defer { RunLogHandler.forward(to: nil) }
    RunLogHandler.logger(rank: 2).info("not from rank 2")
    RunLogHandler.logger(rank: 2).warning("careful")
    let lines = try String(contentsOf: folder.file("run.log"), encoding: .utf8).split(separator: "\n")
    try #require(lines.count == 2 && lines[0] == "before")
    #expect(lines[1].hasSuffix("Z hello"))
    #expect(forwarded.withLock { $0 } == ["warning: careful"], "the leader writes it into its file")
  }

  @Test func aLogThatCannotBeOpenedIsNamed() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: KelipError.self) { try RunLogHandler.attach(folder.file("absent/run.log")) }
    #expect(error?.location?.hasSuffix("absent/run.log") == true)
  }
}
