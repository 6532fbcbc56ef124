import Basics
import Foundation
import Synchronization

/// An HTTP server for a few readers of small pages: one thread of low priority, every connection within limits.
///
/// FlyingFox and its like serve from Swift's shared threads, without a bound on connections, on the size of a request's
/// head or on the time that a client takes for it; beside a training run these bounds are the point.
final class PageServer: @unchecked Sendable {
  // Safe to share: `loop` is touched by its thread alone once that has started.
  private let loop: ServerLoop
  private let wake: WakeUp
  private let ended = DispatchSemaphore(value: 0)
  private let hasStarted = Atomic<Bool>(false)

  static let threadName = "kelip-page"

  init(
    listener: Listener, limits: ServerLimits, answer: @escaping @Sendable (PageRequest) -> PageResponse
  ) {
    wake = WakeUp()
    loop = ServerLoop(listener: listener, limits: limits, wake: wake, answer: answer)
  }

  func start() {
    precondition(!hasStarted.exchange(true, ordering: .acquiringAndReleasing), "start once")
    LowPriorityThread.start(named: Self.threadName) { [loop, ended] in
      loop.run()
      ended.signal()
    }
  }

  func stop() {
    wake.stop()
    guard hasStarted.load(ordering: .acquiring) else { return }
    ended.wait()
    ended.signal()
  }
}

/// Ends the loop from another thread.
final class WakeUp: Sendable {
  /// Can be read from once the loop shall end.
  let descriptor: Int32
  private let writing: Int32
  private let isStopping = Atomic<Bool>(false)

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0, "pipe: \(String(cString: strerror(errno)))")
    ends.forEach(StreamSocket.makeNonblocking)
    (descriptor, writing) = (ends[0], ends[1])
  }

  deinit {
    close(descriptor)
    close(writing)
  }

  func stop() {
    isStopping.store(true, ordering: .releasing)
    _ = write(writing, "x", 1)
  }

  var isStopped: Bool { isStopping.load(ordering: .acquiring) }
}
