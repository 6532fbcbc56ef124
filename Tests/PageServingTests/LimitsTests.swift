import Basics
import Foundation
import TestFolders
import TestSockets
import Testing

@testable import PageServing

@Suite struct LimitsTests {
  @Test func loopbackIsTheDefaultAndAPortIsTakenOnce() throws {
    let run = try RunningPage()
    #expect(run.page.isLoopback && run.page.port != 0)
    #expect(run.page.url == "http://127.0.0.1:\(run.page.port)/")
    let error = #expect(throws: KelipError.self) { try RunningPage.page(run.page.port, run.folder) }
    #expect(error?.location?.contains("\(run.page.port)") == true && error?.hint?.contains("port") == true)
    #expect(throws: KelipError.self) { try RunningPage.page(0, run.folder, address: "192.0.2.1") }
    #expect(try !RunningPage.page(0, run.folder, address: "0.0.0.0").isLoopback)
  }

  @Test func stoppingFreesThePort() throws {
    let folder = try TemporaryFolder()
    let first = try RunningPage.page(0, folder)
    first.start()
    let client = try Client(port: first.port)
    first.stop()
    first.stop()
    #expect(client.read() == nil)
    let second = try RunningPage.page(first.port, folder)
    // Never started: nothing to wait for.
    second.stop()
  }

  @Test func aConnectionServesOneRequestAfterTheOther() throws {
    let run = try RunningPage()
    let client = try run.client()
    let request = "GET /healthz HTTP/1.1\r\n\r\n"
    for _ in 0..<3 {
      client.send(request)
      let answer = String(decoding: try #require(client.read()), as: UTF8.self)
      #expect(answer.statusCode == 200 && answer.header("Connection") == "keep-alive")
    }
    // Several at once, the last one in pieces.
    client.send(request + request + "GET /healthz HT")
    client.send("TP/1.1\r\nConnection: close\r\n\r\n")
    #expect(client.readAll().components(separatedBy: "HTTP/1.1 200 OK").count == 4)
  }

  @Test func headsBeyondTheLimitAreRefused() throws {
    let run = try RunningPage()
    func head(_ count: Int) -> String {
      let frame = "GET /healthz HTTP/1.1\r\nConnection: close\r\nX: \r\n\r\n"
      return frame.replacingOccurrences(
        of: "X: ", with: "X: " + String(repeating: "x", count: count - frame.utf8.count))
    }
    #expect(try run.client().exchange(head(8192)).statusCode == 200)
    #expect(try run.client().exchange(head(9000)).statusCode == 431)
    #expect(try run.client().exchange(head(200_000)).statusCode == 431)
    #expect(try run.client().exchange(String(repeating: "x", count: 8193)).statusCode == 431)
  }

  @Test(arguments: ["\r\n\r\n", "GET /\r\n\r\n", "\u{1}\u{2}\r\n\r\n", "GET /healthz HTTP/1.1\r\nX\r\n\r\n"])
  func nonsenseIsToldAndClosed(text: String) throws {
    let run = try RunningPage()
    #expect(try run.client().exchange(text).statusCode == 400)
  }

  @Test func slowRequestsAreGivenUp() throws {
    var limits = ServerLimits()
    limits.requestSeconds = 0.3
    let run = try RunningPage(limits)
    // One that says nothing, one that stops, and one that goes on without an end.
    let (silent, begun, trickling) = (try run.client(), try run.client(), try run.client())
    begun.send("GET /hea")
    trickling.send("GET /healthz HTTP/1.1\r\nX: ")
    var sentCount = 0
    while trickling.send("x"), sentCount < 600 {
      usleep(10_000)
      sentCount += 1
    }
    #expect(sentCount < 600)
    #expect(silent.read() == nil)
    #expect(begun.readAll().statusCode == 408)
  }

  @Test func idleConnectionsAreClosed() throws {
    var limits = ServerLimits()
    limits.idleSeconds = 0.2
    let run = try RunningPage(limits)
    let client = try run.client()
    client.send("GET /healthz HTTP/1.1\r\n\r\n")
    #expect(client.readAll().components(separatedBy: "200 OK").count == 2)
  }

  @Test func clientsThatHoldConnectionsDoNotKeepOthersOut() throws {
    var limits = ServerLimits()
    limits.connections = 8
    let run = try RunningPage(limits)
    let holders = try (0..<40).map { _ in
      let client = try run.client()
      client.send("GET / HTTP/1.1\r\nX: ")
      return client
    }
    #expect(try run.ask("GET /healthz").statusCode == 200)
    // The oldest made room, the last ones are still there.
    #expect(holders[0].read() == nil)
    holders[39].send("\r\n\r\n")
    #expect(String(decoding: holders[39].read() ?? [], as: UTF8.self).statusCode == 401)
  }

  @Test func clientsThatDoNotReadHoldNothingUp() throws {
    var limits = ServerLimits()
    limits.waitingBytes = 12 << 20
    limits.sendSeconds = 0.5
    let run = try RunningPage(limits)
    let request = "GET /large HTTP/1.1\r\nAuthorization: Bearer \(run.token)\r\n\r\n"
    let slow = try Client(port: run.page.port, receiveBytes: 4096)
    slow.send(request)
    #expect(slow.read(1) != nil)
    #expect(try run.ask("GET /healthz").statusCode == 200)
    // There is no memory for a second one that may not be taken, either.
    #expect(try run.askWithToken("GET /large").statusCode == 503)
    // After a while without a byte taken the first is given up, with most of it unsent.
    usleep(1_500_000)
    var count = 1
    while let more = slow.read() { count += more.count }
    #expect(count < RunningPage.largeCount)
    #expect(try run.askWithToken("GET /large").statusCode == 200)
  }

  @Test func theThreadStandsBackFromTraining() throws {
    let listener = try Listener(address: "127.0.0.1", port: 0)
    let server = PageServer(listener: listener, limits: ServerLimits()) { _ in
      let niceness = getpriority(.init(PRIO_PROCESS.rawValue), 0)
      return PageResponse(type: "text/plain", body: "\(niceness) \(Thread.current.name ?? "")".utf8)
    }
    server.start()
    defer { server.stop() }
    let answer = try Client(port: listener.port).exchange("GET / HTTP/1.0\r\n\r\n")
    #expect(answer.body == "10 kelip-page")
    #expect(getpriority(.init(PRIO_PROCESS.rawValue), 0) < 10)
  }

  @Test func manyAtOnce() async throws {
    let run = try RunningPage()
    let (port, token) = (run.page.port, run.token)
    let codes = try await withThrowingTaskGroup(of: [Int?].self) { group in
      for _ in 0..<8 {
        group.addTask {
          try (0..<25).map { _ in
            try Client(port: port).exchange(
              "GET / HTTP/1.1\r\nConnection: close\r\nAuthorization: Bearer \(token)\r\n\r\n"
            ).statusCode
          }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(codes.count == 200 && codes.allSatisfy { $0 == 200 })
  }
}
