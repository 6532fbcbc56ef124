import Basics
import Foundation
import Synchronization

/// The leader's end of the watch: hears what every rank does, tells of ranks that are lost, and finds out who holds up a
/// run that stands still.
package final class WatchServer: @unchecked Sendable {
  // Safe to share: all but the flag is touched by the server's thread alone once it runs.
  private final class Peer {
    let connection: LineConnection
    var rank: Int?

    init(_ connection: LineConnection) { self.connection = connection }
  }

  package let address: WatchAddress
  private let listener: StreamSocket
  private let diagnosis: StallDiagnosis
  private let log: @Sendable (String) -> Void
  private let stalled: @Sendable ([StallDiagnosis.Culprit]) -> Void
  private var peers: [Peer] = []
  private var views: [Int: StallDiagnosis.View] = [:]
  private var isStalled = false
  private let isStopping = Atomic<Bool>(false)
  private let ended = DispatchSemaphore(value: 0)

  static let tickSeconds = 1.0
  private static let maximumUnknownPeers = 64

  /// - Parameters:
  ///   - log: gets lines for `run.log`, from the server's thread.
  ///   - stalled: is called once, by the server's thread, when the run stands still.
  init(
    limits: WatchLimits, log: @escaping @Sendable (String) -> Void,
    stalled: @escaping @Sendable ([StallDiagnosis.Culprit]) -> Void
  ) throws {
    diagnosis = StallDiagnosis(limits)
    (self.log, self.stalled) = (log, stalled)
    listener = try TCP.listen()
    address = WatchAddress(
      host: ProcessInfo.processInfo.hostName, addresses: TCP.ownAddresses(), port: listener.port,
      secret: (0..<4).map { _ in String(UInt64.random(in: 0 ... .max), radix: 16) }.joined())
    views[0] = StallDiagnosis.View(
      place: RankPlace(host: address.host, process: getpid()), state: .own, heard: monotonicSeconds(),
      advanced: monotonicSeconds())
    Thread { [self] in run() }.start()
  }

  /// Returns when nothing more is heard or told.
  func stop() {
    guard !isStopping.exchange(true, ordering: .relaxed) else { return }
    ended.wait()
    listener.close()
  }

  private func run() {
    var nextTick = monotonicSeconds()
    while !isStopping.load(ordering: .relaxed) {
      let timeout = max(0, nextTick - monotonicSeconds())
      hear(seconds: min(timeout, 0.2))
      if monotonicSeconds() >= nextTick {
        nextTick = monotonicSeconds() + Self.tickSeconds
        tick()
      }
    }
    // What the ranks said last is not lost.
    hear(seconds: 0)
    ended.signal()
  }

  private func hear(seconds: Double) {
    var events = [pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)]
    for peer in peers {
      let interest = POLLIN | (peer.connection.wantsToSend ? POLLOUT : 0)
      events.append(pollfd(fd: peer.connection.socket.descriptor, events: Int16(interest), revents: 0))
    }
    guard poll(&events, nfds_t(events.count), Int32(seconds * 1000)) > 0 else { return }
    for (peer, event) in zip(peers, events.dropFirst()) where event.revents != 0 { serve(peer) }
    peers.removeAll { !$0.connection.isOpen }
    if events[0].revents != 0 { accept() }
  }

  private func accept() {
    guard let connection = listener.accept().map(LineConnection.init) else { return }
    guard peers.count(where: { $0.rank == nil }) < Self.maximumUnknownPeers else { return }
    peers.append(Peer(connection))
  }

  private func serve(_ peer: Peer) {
    peer.connection.flush()
    var isLeaving = false
    for line in peer.connection.receive() {
      guard let message = WatchMessage(line) else { return drop(peer) }
      isLeaving = isLeaving || message.bye == true
      guard take(message, from: peer) else { return drop(peer) }
    }
    guard !peer.connection.isOpen || isLeaving, let rank = peer.rank else { return }
    let view = views[rank]
    if isLeaving { views[rank] = nil } else if let view { tellLost(rank, view) }
    peer.rank = nil
    drop(peer)
  }

  private func drop(_ peer: Peer) { peers.removeAll { $0 === peer } }

  /// - Returns: false for a stranger.
  private func take(_ message: WatchMessage, from peer: Peer) -> Bool {
    let now = monotonicSeconds()
    if let hello = message.hello {
      guard hello.secret == address.secret else { return false }
      peer.rank = hello.rank
      views[hello.rank] = StallDiagnosis.View(
        place: hello.place, state: RankState(activity: .startingUp, activitySeconds: 0, step: 0, progress: 0),
        heard: now, advanced: now)
    }
    guard let rank = peer.rank else { return false }
    if let state = message.state { note(state, of: rank, now: now) }
    if let line = message.log { log("[rank \(rank)] \(line)") }
    return true
  }

  private func note(_ state: RankState, of rank: Int, now: Double) {
    guard var view = views[rank] else { return }
    if state.progress != view.state.progress { view.advanced = now }
    (view.state, view.heard) = (state, now)
    views[rank] = view
  }

  private func tellLost(_ rank: Int, _ view: StallDiagnosis.View) {
    log(
      "rank \(rank) (process \(view.place.process) on \(view.place.host)) is gone without a word; it last was "
        + "\(view.state.activity.label), \(view.state.step) steps done")
  }

  private func tick() {
    note(.own, of: 0, now: monotonicSeconds())
    for peer in peers where peer.rank != nil { peer.connection.send(WatchMessage.Order.ping.rawValue) }
    guard !isStalled else { return }
    let culprits = diagnosis.culprits(views, now: monotonicSeconds())
    guard !culprits.isEmpty else { return }
    isStalled = true
    for peer in peers where culprits.contains(where: { $0.rank == peer.rank }) {
      peer.connection.send(WatchMessage.Order.writeStacks.rawValue)
    }
    stalled(culprits)
  }
}
