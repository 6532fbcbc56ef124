import Foundation
import Testing

@testable import Basics

@Suite("Sockets that never wait")
struct StreamSocketTests {
  /// A listener on loopback and a connection to it, from both ends.
  private final class Pair {
    let listener: StreamSocket
    let client: StreamSocket
    let server: StreamSocket

    init() throws {
      listener = try #require(StreamSocket.open(family: AF_INET))
      client = try #require(StreamSocket.open(family: AF_INET))
      let isListening = Self.withLoopback(port: 0) { [listener] in listener.listen(at: $0, $1, backlog: 4) }
      try #require(isListening)
      #expect(listener.accept() == nil && errno == EAGAIN, "nobody has connected")
      _ = Self.withLoopback(port: listener.port) { [client] in connect(client.descriptor, $0, $1) }
      var event = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
      try #require(poll(&event, 1, 10_000) == 1)
      server = try #require(listener.accept())
    }

    deinit { for socket in [listener, client, server] { socket.close() } }

    private static func withLoopback<Result>(
      port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
      var address = sockaddr_in()
      (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      return withUnsafeBytes(of: &address) {
        body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
      }
    }
  }

  @Test("no end waits, and no program that is started has one")
  func flags() throws {
    let pair = try Pair()
    for socket in [pair.listener, pair.client, pair.server] {
      #expect(fcntl(socket.descriptor, F_GETFL) & O_NONBLOCK != 0)
      #expect(fcntl(socket.descriptor, F_GETFD) & FD_CLOEXEC != 0)
    }
    #expect(pair.listener.port != 0)
  }

  @Test("a peer that does not read gets as much as the system holds, and the rest in order later")
  func full() throws {
    let pair = try Pair()
    let bytes = (0..<(32 << 20)).map { UInt8(truncatingIfNeeded: $0 % 251) }
    var sent = try #require(send(bytes[...], pair.server))
    #expect(sent > 0 && sent < bytes.count)
    #expect(send([], pair.server) == 0)
    var received: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while received.count < bytes.count {
      let count = recv(pair.client.descriptor, &chunk, chunk.count, 0)
      if count > 0 {
        received += chunk[..<count]
      } else {
        var event = pollfd(fd: pair.client.descriptor, events: Int16(POLLIN), revents: 0)
        try #require(count < 0 && poll(&event, 1, 10_000) == 1)
      }
      sent += try #require(send(bytes[sent...], pair.server))
    }
    #expect(received == bytes)
  }

  @Test("a peer that is gone is told")
  func broken() throws {
    let pair = try Pair()
    shutdown(pair.server.descriptor, Int32(SHUT_WR))
    #expect(send([1, 2, 3], pair.server) == nil)
  }

  private func send(_ bytes: ArraySlice<UInt8>, _ socket: StreamSocket) -> Int? {
    bytes.withUnsafeBytes(socket.send)
  }
}
