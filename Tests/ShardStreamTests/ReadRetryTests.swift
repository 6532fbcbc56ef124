import Basics
import Foundation
import Synchronization
import TestFolders
import Testing

@testable import ShardStream

/// A file system that answers from a list first, and then as it is.
private final class StumblingCalls: FileCalls {
  enum Answer {
    case fail(Int32)
    /// At most so many bytes.
    case short(Int)
  }

  private struct State {
    var opens: [Answer]
    var reads: [Answer]
    var openCount = 0
  }

  private let state: Mutex<State>

  init(opens: [Answer] = [], reads: [Answer] = []) { state = Mutex(State(opens: opens, reads: reads)) }

  var openCount: Int { state.withLock { $0.openCount } }

  func open(_ path: String) -> Int32 {
    let answer = state.withLock { state in
      state.openCount += 1
      return state.opens.isEmpty ? nil : state.opens.removeFirst()
    }
    if case .fail(let code) = answer { return -code }
    return SystemFileCalls().open(path)
  }

  func status(_ descriptor: Int32, _ status: inout stat) -> Int32 {
    SystemFileCalls().status(descriptor, &status)
  }

  func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    switch state.withLock({ $0.reads.isEmpty ? nil : $0.reads.removeFirst() }) {
    case .fail(let code): return -Int(code)
    case .short(let count):
      return SystemFileCalls().read(
        descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count)), at: offset)
    case nil: return SystemFileCalls().read(descriptor, buffer, at: offset)
    }
  }
}

/// A clock that sleeping moves, and what was told.
private final class Watch: Sendable {
  let sleeps = Mutex([Double]())
  let lines = Mutex([String]())

  func retry(limit: Double = 120) -> ReadRetry {
    var retry = ReadRetry()
    retry.limitSeconds = limit
    retry.now = { self.sleeps.withLock { $0.reduce(0, +) } }
    retry.sleep = { seconds in self.sleeps.withLock { $0.append(seconds) } }
    retry.report = { line in self.lines.withLock { $0.append(line) } }
    return retry
  }
}

@Suite struct ReadRetryTests {
  private let folder: TemporaryFolder
  private let path: String
  private let watch = Watch()
  private static let content = (0..<5000).map { UInt8(truncatingIfNeeded: $0 / 7) }

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("a.tar").path
    try Data(Self.content).write(to: folder.file("a.tar"))
  }

  private func open(_ calls: StumblingCalls, limit: Double = 120) throws -> ShardFile {
    let file = try PositionalFile(path: path, calls: calls, retry: watch.retry(limit: limit))
    return try ShardFile(url: URL(fileURLWithPath: path), file: file)
  }

  @Test func shortReadsAndInterruptionsAreGoneOnWith() throws {
    let file = try open(
      StumblingCalls(reads: [.short(4), .fail(EINTR), .short(1), .fail(EINTR), .short(700), .short(3)]))
    #expect(try file.bytes(at: 3, count: 4000) == Array(Self.content[3..<4003]))
    #expect(watch.sleeps.withLock { $0.isEmpty } && watch.lines.withLock { $0.isEmpty })
  }

  @Test(arguments: [EIO, ESTALE, ETIMEDOUT, EAGAIN, ENETUNREACH, EHOSTDOWN, EBUSY, ENXIO])
  func failuresThatPassAreWaitedFor(_ code: Int32) throws {
    let calls = StumblingCalls(
      opens: [.fail(code), .fail(code), .short(0), .fail(code), .short(0)],
      reads: [.short(4), .fail(code), .short(10), .fail(code), .fail(code)])
    let file = try open(calls)
    #expect(watch.sleeps.withLock { $0.count } == 2)
    #expect(try file.bytes(at: 0, count: 5000) == Self.content)
    // Three failed reads, each on a new descriptor but the one that could not be had at once.
    #expect(watch.sleeps.withLock { $0.count } == 5 && calls.openCount == 6)
    let lines = watch.lines.withLock { $0 }
    #expect(lines.count == 3, "opening, and two episodes of reading")
    #expect(lines.allSatisfy { $0.contains(path) && $0.contains(String(cString: strerror(code))) })
  }

  @Test func waitsDoubleUpToTheLimit() throws {
    let calls = StumblingCalls(reads: [.short(4)] + [StumblingCalls.Answer](repeating: .fail(EIO), count: 99))
    let file = try open(calls, limit: 60)
    let error = #expect(throws: KelipError.self) { try file.bytes(at: 0, count: 8) }
    #expect(error?.location == path && error?.hint?.contains("data.read_retry_seconds") == true)
    #expect(error?.message.contains("Input/output error") == true)
    let sleeps = watch.sleeps.withLock { $0 }
    #expect(abs(sleeps.reduce(0, +) - 60) < 1e-9)
    for (index, sleep) in sleeps.dropLast().enumerated() {
      let full = min(0.1 * Double(1 << min(index, 10)), 10)
      #expect(sleep >= full / 2 && sleep <= full)
    }
    #expect(watch.lines.withLock { $0.count } == 1)
  }

  @Test func otherFailuresAreTold() throws {
    #expect(throws: KelipError.self) { try open(StumblingCalls(opens: [.fail(EACCES)])) }
    let file = try open(StumblingCalls(reads: [.short(4), .fail(EISDIR)]))
    #expect(throws: KelipError.self) { try file.bytes(at: 0, count: 8) }
    #expect(throws: KelipError.self) { try open(StumblingCalls(opens: [.fail(EIO)]), limit: 0) }
    #expect(watch.sleeps.withLock { $0.isEmpty } && watch.lines.withLock { $0.isEmpty })
  }

  @Test func aFileThatWasReplacedMeanwhileIsNotReadOn() throws {
    let file = try open(StumblingCalls(reads: [.short(4), .short(2), .fail(ESTALE)]))
    try Data(Self.content + [1]).write(to: folder.file("b.tar"))
    #expect(rename(folder.file("b.tar").path, path) == 0)
    let error = #expect(throws: KelipError.self) { try file.bytes(at: 0, count: 8) }
    #expect(error?.message.contains("changed") == true)
  }

  @Test func aCompressedShardSurvivesFailuresToo() throws {
    var zstd = TestZstd()
    zstd.add(Self.content)
    try zstd.write(to: folder.file("a.tar.zst"))
    for failed in 0..<5 {
      var reads = [StumblingCalls.Answer](repeating: .short(1 << 20), count: failed)
      reads += [.fail(EIO), .short(5), .fail(EAGAIN)]
      let positional = try PositionalFile(
        path: folder.file("a.tar.zst").path, calls: StumblingCalls(reads: reads), retry: watch.retry())
      let file = try ShardFile(url: folder.file("a.tar.zst"), file: positional)
      #expect(try file.bytes(at: 10, count: 4000) == Array(Self.content[10..<4010]))
      file.leavePageCache()
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: Double(failed))],
        ofItemAtPath: folder.file("a.tar.zst").path)
    }
  }
}
