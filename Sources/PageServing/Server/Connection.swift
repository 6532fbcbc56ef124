import Basics
import Foundation

/// One client. Nothing here waits: what cannot be read or sent now is left for later.
struct Connection {
  enum Phase: Equatable {
    /// Until a whole request is there.
    case receiving
    /// Until the answer is sent.
    case sending(isLast: Bool)
    /// The last answer is sent; what still comes is thrown away until the client ends, too.
    case lingering
    case closed
  }

  let socket: StreamSocket
  private(set) var phase = Phase.receiving
  /// When it is given up, on a clock that never jumps.
  private(set) var deadline: Double
  /// Since when it has owed a request, or not taken its answer.
  private(set) var waitingSince: Double
  /// In the order of their begin.
  let number: Int
  private let limits: ServerLimits
  private var input: [UInt8] = []
  /// No head ends in what begins before it: a client that sends byte by byte costs no more than one that does not.
  private var searchedCount = 0
  private var output: [UInt8] = []
  private var sentCount = 0

  init(_ socket: StreamSocket, number: Int, _ limits: ServerLimits, now: Double) {
    (self.socket, self.number, self.limits) = (socket, number, limits)
    (waitingSince, deadline) = (now, now + limits.requestSeconds)
  }

  /// What `poll` shall wait for.
  var events: Int16 {
    if case .sending = phase { return Int16(POLLOUT) }
    return Int16(POLLIN)
  }

  /// Of an answer, not yet taken by the client.
  var waitingBytes: Int { output.count - sentCount }

  /// The socket is ready for what it waited for.
  ///
  /// - Parameter answer: to a request.
  mutating func serve(now: Double, answer: (PageRequest) -> PageResponse) {
    switch phase {
    case .receiving: receive(now: now)
    case .sending: send(now: now)
    case .lingering: discard()
    case .closed: return
    }
    while phase == .receiving, let head = takeHead(now: now) {
      respond(to: head, now: now, answer: answer)
    }
  }

  /// Its time is over. One that has begun a request is told so.
  mutating func expire(now: Double) {
    if phase == .receiving, !input.isEmpty {
      reply(PageResponse(.requestTimeout), hasBody: true, isLast: true, now: now)
    } else {
      phase = .closed
    }
  }

  mutating func reply(_ response: PageResponse, hasBody: Bool, isLast: Bool, now: Double) {
    output = response.bytes(hasBody: hasBody, isLast: isLast)
    sentCount = 0
    phase = .sending(isLast: isLast)
    wait(limits.sendSeconds, now)
    send(now: now)
  }

  private mutating func wait(_ seconds: Double, _ now: Double) {
    (waitingSince, deadline) = (now, now + seconds)
  }

  private mutating func receive(now: Double) {
    let room = limits.headerBytes + 1 - input.count
    var buffer = [UInt8](repeating: 0, count: room)
    let count = recv(socket.descriptor, &buffer, room, 0)
    guard count > 0 else {
      if count == 0 || !Self.isPassing(errno) { phase = .closed }
      return
    }
    if input.isEmpty { deadline = now + limits.requestSeconds }
    input += buffer[..<count]
  }

  /// The head of the first request that is there as a whole, without its empty line.
  private mutating func takeHead(now: Double) -> [UInt8]? {
    let end: [UInt8] = [13, 10, 13, 10]
    let found = (searchedCount..<max(searchedCount, input.count - end.count + 1)).first { index in
      input[index] == 13 && input[index..<(index + end.count)].elementsEqual(end)
    }
    guard let found else {
      searchedCount = max(searchedCount, input.count - end.count + 1)
      if input.count > limits.headerBytes {
        reply(PageResponse(.headersTooLarge), hasBody: true, isLast: true, now: now)
      }
      return nil
    }
    defer {
      input.removeFirst(found + end.count)
      searchedCount = 0
    }
    return Array(input[..<found])
  }

  private mutating func respond(
    to head: [UInt8], now: Double, answer: (PageRequest) -> PageResponse
  ) {
    guard let text = String(validating: head, as: UTF8.self), let request = PageRequest(head: text) else {
      reply(PageResponse(.badRequest), hasBody: true, isLast: true, now: now)
      return
    }
    // After a body that is not read, what follows cannot be told from it.
    reply(
      answer(request), hasBody: request.method != "HEAD", isLast: request.wantsClose || request.hasBody,
      now: now)
  }

  private mutating func send(now: Double) {
    let count = output.withUnsafeBytes {
      socket.send(UnsafeRawBufferPointer(rebasing: $0[sentCount...]))
    }
    guard let count else {
      phase = .closed
      return
    }
    sentCount += count
    if count > 0 { wait(limits.sendSeconds, now) }
    if sentCount == output.count { finishAnswer(now: now) }
  }

  private mutating func finishAnswer(now: Double) {
    guard case .sending(let isLast) = phase else { return }
    (output, sentCount) = ([], 0)
    if isLast {
      shutdown(socket.descriptor, Int32(SHUT_WR))
      phase = .lingering
      wait(limits.lingerSeconds, now)
    } else {
      phase = .receiving
      wait(input.isEmpty ? limits.idleSeconds : limits.requestSeconds, now)
    }
  }

  private mutating func discard() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(socket.descriptor, &buffer, buffer.count, 0)
    if count == 0 || (count < 0 && !Self.isPassing(errno)) { phase = .closed }
  }

  private static func isPassing(_ code: Int32) -> Bool {
    code == EAGAIN || code == EWOULDBLOCK || code == EINTR
  }
}
