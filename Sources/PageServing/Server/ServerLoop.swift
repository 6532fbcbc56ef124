import Basics
import Foundation

/// Waits for sockets and serves those that are ready, each for a moment.
final class ServerLoop: @unchecked Sendable {
  // Safe to share: touched by the thread that runs it alone, once that has started.
  private var listener: Listener?
  private let limits: ServerLimits
  private let wake: WakeUp
  private let answer: @Sendable (PageRequest) -> PageResponse
  private var connections: [Int32: Connection] = [:]
  private var acceptedCount = 0
  /// No connection is taken on before; for when the process has no descriptor left.
  private var acceptsFrom = 0.0

  private static let acceptPause = 0.2

  init(
    listener: Listener, limits: ServerLimits, wake: WakeUp,
    answer: @escaping @Sendable (PageRequest) -> PageResponse
  ) {
    (self.listener, self.limits, self.wake, self.answer) = (listener, limits, wake, answer)
  }

  /// Returns after `WakeUp.stop`, with everything closed.
  func run() {
    while !wake.isStopped {
      let ready = waitForSockets()
      let now = monotonicSeconds()
      for descriptor in ready { serve(descriptor, now: now) }
      expire(now: now)
      if now >= acceptsFrom { acceptAll(now: now) }
    }
    for connection in connections.values { connection.socket.close() }
    connections = [:]
    listener = nil
  }

  /// - Returns: connections that have something to do.
  private func waitForSockets() -> [Int32] {
    let now = monotonicSeconds()
    var entries = [pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)]
    // A negative descriptor is passed over.
    let waiting = now >= acceptsFrom ? listener?.socket.descriptor ?? -1 : -1
    entries.append(pollfd(fd: waiting, events: Int16(POLLIN), revents: 0))
    entries += connections.values.map { pollfd(fd: $0.socket.descriptor, events: $0.events, revents: 0) }
    var next = connections.values.map(\.deadline).min() ?? .infinity
    if now < acceptsFrom { next = min(next, acceptsFrom) }
    let milliseconds = next.isFinite ? max(0, ((next - now) * 1000).rounded(.up)) : -1
    let count = poll(&entries, nfds_t(entries.count), Int32(min(milliseconds, 60_000)))
    return count > 0 ? entries.dropFirst(2).filter { $0.revents != 0 }.map(\.fd) : []
  }

  private func serve(_ descriptor: Int32, now: Double) {
    guard var connection = connections.removeValue(forKey: descriptor) else { return }
    let waiting = connections.values.reduce(0) { $0 + $1.waitingBytes }
    connection.serve(now: now) { request in
      let response = answer(request)
      return waiting + response.body.count <= limits.waitingBytes ? response : PageResponse(.unavailable)
    }
    connections[descriptor] = connection
    dropIfClosed(descriptor)
  }

  private func expire(now: Double) {
    for connection in connections.values where connection.deadline <= now {
      connections[connection.socket.descriptor]?.expire(now: now)
      dropIfClosed(connection.socket.descriptor)
    }
  }

  private func dropIfClosed(_ descriptor: Int32) {
    if let connection = connections[descriptor], connection.phase == .closed { drop(connection) }
  }

  private func drop(_ connection: Connection) {
    connections[connection.socket.descriptor] = nil
    connection.socket.close()
  }

  private func acceptAll(now: Double) {
    while let socket = listener?.socket.accept() {
      if connections.count >= limits.connections { makeRoom() }
      acceptedCount += 1
      connections[socket.descriptor] = Connection(socket, number: acceptedCount, limits, now: now)
      // Most have sent their request by now: they need not wait until others have come.
      serve(socket.descriptor, now: now)
    }
    // Of the `accept` that gave none.
    if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM {
      acceptsFrom = now + Self.acceptPause
    }
  }

  /// Who has kept the server waiting longest goes: first those who owe a request, then those who do not take their
  /// answer. So clients that hold connections open cannot keep others out.
  private func makeRoom() {
    func isSending(_ connection: Connection) -> Bool {
      if case .sending = connection.phase { true } else { false }
    }
    let owing = connections.values.filter { !isSending($0) }
    let candidates = owing.isEmpty ? Array(connections.values) : owing
    let oldest = candidates.min { ($0.waitingSince, $0.number) < ($1.waitingSince, $1.number) }
    if let oldest { drop(oldest) }
  }
}
