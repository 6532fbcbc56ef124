import Basics
import Foundation
import Synchronization

/// Another rank's end of the watch: tells the leader every second what the rank does, hands it lines for `run.log`, and
/// notices when the leader itself no longer answers.
final class WatchClient: @unchecked Sendable {
  // Safe to share: the connection belongs to the client's thread; lines come through a lock.
  private let address: WatchAddress
  private let rank: Int
  private let limits: WatchLimits
  private let stacks: StackFiles
  private let leaderLost: @Sendable (String) -> Void
  private let lines = Mutex<(waiting: [String], dropped: Int)>(([], 0))
  private let isStopping = Atomic<Bool>(false)
  private let ended = DispatchSemaphore(value: 0)
  private var advanced = (count: 0, time: monotonicSeconds())

  private static let maximumLines = 1000

  /// - Parameter leaderLost: is called once, by the client's thread, when the run stands still and the leader is silent.
  init(
    _ address: WatchAddress, rank: Int, limits: WatchLimits, stacks: StackFiles,
    leaderLost: @escaping @Sendable (String) -> Void
  ) {
    (self.address, self.rank, self.limits, self.stacks) = (address, rank, limits, stacks)
    self.leaderLost = leaderLost
    Thread { [self] in run() }.start()
  }

  /// A line for `run.log`; never waits, and drops lines when too many wait.
  func log(_ line: String) {
    lines.withLock { queue in
      if queue.waiting.count < Self.maximumLines { queue.waiting.append(line) } else { queue.dropped += 1 }
    }
  }

  /// Returns when the last lines are on their way.
  func stop() {
    guard !isStopping.exchange(true, ordering: .relaxed) else { return }
    ended.wait()
  }

  private func run() {
    let connection = connect().map(LineConnection.init)
    let place = RankPlace(host: ProcessInfo.processInfo.hostName, process: getpid())
    connection?.send(WatchMessage(hello: .init(secret: address.secret, rank: rank, place: place)).line)
    var heard = monotonicSeconds()
    while !isStopping.load(ordering: .relaxed) {
      sendLines(connection)
      connection?.send(WatchMessage(state: .own).line)
      let orders = wait(connection, seconds: WatchServer.tickSeconds)
      if !orders.isEmpty { heard = monotonicSeconds() }
      if orders.contains(WatchMessage.Order.writeStacks.rawValue) { stacks.writeOwn(rank: rank) }
      if let text = stall(leaderHeard: heard) {
        stacks.writeOwn(rank: rank)
        leaderLost(text)
        break
      }
    }
    sendLines(connection)
    connection?.send(WatchMessage(bye: true).line)
    ended.signal()
  }

  /// The leader's own machine is reached over loopback.
  private func connect() -> StreamSocket? {
    let isHere = address.host == ProcessInfo.processInfo.hostName
    for host in (isHere ? ["127.0.0.1"] : []) + address.addresses {
      if let socket = TCP.connect(to: host, port: address.port, seconds: 3) { return socket }
    }
    return nil
  }

  private func sendLines(_ connection: LineConnection?) {
    var (waiting, dropped) = lines.withLock { queue in
      defer { queue = ([], 0) }
      return queue
    }
    if dropped > 0 { waiting.append("… and \(dropped) more lines, which were too many") }
    for line in waiting { connection?.send(WatchMessage(log: line).line) }
  }

  /// Orders that come within a time.
  private func wait(_ connection: LineConnection?, seconds: Double) -> [String] {
    guard let connection, connection.isOpen else {
      usleep(UInt32(seconds * 1e6))
      return []
    }
    let end = monotonicSeconds() + seconds
    var orders: [String] = []
    while monotonicSeconds() < end, connection.isOpen, !isStopping.load(ordering: .relaxed) {
      let interest = POLLIN | (connection.wantsToSend ? POLLOUT : 0)
      var event = pollfd(fd: connection.socket.descriptor, events: Int16(interest), revents: 0)
      guard poll(&event, 1, 100) > 0 else { continue }
      connection.flush()
      orders += connection.receive()
    }
    return orders
  }

  /// Why this rank should end the job by itself: nothing has got on for too long, and the leader, who should have done
  /// so, is silent. Ranks give each other a moment, so that one speaks.
  private func stall(leaderHeard: Double) -> String? {
    let now = monotonicSeconds()
    if Activity.progressCount != advanced.count { advanced = (Activity.progressCount, now) }
    let limit = max(limits.limit(Activity.current.activity), limits.step)
    let grace = 3 + min(4, 0.05 * Double(rank))
    guard now - advanced.time > limit + grace, now - leaderHeard > StallDiagnosis.silenceSeconds else {
      return nil
    }
    return
      "nothing has got on for \(Int(now - advanced.time)) s, and rank 0 (on \(address.host)) is silent for "
      + "\(Int(now - leaderHeard)) s; this rank is \(Activity.current.activity.label), \(Activity.step) steps done"
  }
}
