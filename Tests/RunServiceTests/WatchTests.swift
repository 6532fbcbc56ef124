import Basics
import Foundation
import Synchronization
import TestFolders
import Testing

@testable import RunService

/// Over real sockets on loopback. Limits are far away: what is done when a run stands still ends the process.
@Suite("The watch over the ranks")
struct WatchTests {
  private static let limits = WatchLimits(startUp: 1e6, step: 1e6, checkpoint: 1e6)

  private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }

    /// Waits for a line that contains `text`; a failed test after ten seconds.
    func contains(_ text: String) -> Bool {
      for _ in 0..<200 {
        if lines.withLock({ $0.contains { $0.contains(text) } }) { return true }
        usleep(50_000)
      }
      return false
    }

    var all: [String] { lines.withLock { $0 } }
  }

  private func server(_ lines: Lines) throws -> WatchServer {
    try WatchServer(limits: Self.limits) {
      lines.add($0)
    } stalled: { _ in
      lines.add("stalled")
    }
  }

  @Test("lines of a rank reach the leader, and an end that was meant is not told")
  func logs() throws {
    let folder = try TemporaryFolder()
    let lines = Lines()
    let server = try server(lines)
    let client = WatchClient(
      server.address, rank: 3, limits: Self.limits, stacks: StackFiles(folder: folder.file("stacks"))
    ) { lines.add($0) }
    client.log("a warning, 경고")
    #expect(lines.contains("[rank 3] a warning, 경고"))
    client.log("the last")
    client.stop()
    #expect(lines.contains("[rank 3] the last"))
    server.stop()
    #expect(!lines.all.contains { $0.contains("gone") || $0.contains("stalled") })
  }

  @Test("a connection that breaks is told, with what the rank did last")
  func lost() throws {
    let lines = Lines()
    let server = try server(lines)
    defer { server.stop() }
    let socket = try #require(TCP.connect(to: "127.0.0.1", port: server.address.port, seconds: 5))
    do {
      let connection = LineConnection(socket)
      let place = RankPlace(host: "far", process: 99)
      connection.send(WatchMessage(hello: .init(secret: server.address.secret, rank: 5, place: place)).line)
      let state = RankState(activity: .computing, activitySeconds: 1, step: 17, progress: 3)
      connection.send(WatchMessage(state: state).line)
      connection.send(WatchMessage(log: "here").line)
      #expect(lines.contains("[rank 5] here"))
    }
    #expect(
      lines.contains(
        "rank 5 (process 99 on far) is gone without a word; it last was computing, 17 steps done"))
  }

  @Test(
    "strangers are not heard",
    arguments: [
      "{\"hello\":{\"secret\":\"guess\",\"rank\":1,\"place\":{\"host\":\"h\",\"process\":1}}}",
      "{\"log\":\"x\"}",
      "GET / HTTP/1.1", "{}", "\u{0}",
    ])
  func strangers(line: String) throws {
    let lines = Lines()
    let server = try server(lines)
    let socket = try #require(TCP.connect(to: "127.0.0.1", port: server.address.port, seconds: 5))
    let connection = LineConnection(socket)
    connection.send(line)
    connection.send(WatchMessage(log: "stranger").line)
    for _ in 0..<100 where connection.isOpen {
      _ = connection.receive()
      usleep(50_000)
    }
    #expect(!connection.isOpen, "the connection was kept")
    server.stop()
    #expect(!lines.all.contains { $0.contains("stranger") })
  }

  @Test("stacks of all threads are written")
  func stacks() throws {
    let folder = try TemporaryFolder()
    let ready = DispatchSemaphore(value: 0)
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      ready.signal()
      done.wait()
    }
    thread.start()
    ready.wait()
    StackFiles(folder: folder.file("stacks")).writeOwn(rank: 2)
    done.signal()
    let text = try String(contentsOf: folder.file("stacks/rank-2.txt"), encoding: .utf8)
    #expect(text.components(separatedBy: "thread ").count > 2)
    #expect(text.contains("libc.so"), "no frames: \(text.prefix(300))")
  }

  @Test("the kernel's view of a stopped process")
  func kernel() throws {
    let folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sleep")
    process.arguments = ["60"]
    try process.run()
    defer { process.terminate() }
    kill(process.processIdentifier, SIGSTOP)
    defer { kill(process.processIdentifier, SIGCONT) }
    usleep(200_000)
    StackFiles(folder: folder.file("stacks")).writeKernels(rank: 4, process: process.processIdentifier)
    #expect(try String(contentsOf: folder.file("stacks/rank-4.txt"), encoding: .utf8).contains("T (stopped)"))
  }
}
