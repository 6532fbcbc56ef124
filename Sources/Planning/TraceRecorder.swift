import Basics
import Collectives
import Foundation
import Synchronization

/// Stands in for a large world on a single rank, and notes what the rank asks of it and when.
///
/// Collectives do nothing but what keeps the step's arithmetic finite: sums stay as they are, gathers repeat this
/// rank's part. Their time does not count. A collective in the background ends when somebody waits for it.
///
/// Compute is timed by `clock`: the processor time of the thread that records is that of a core of its own, also on a
/// machine that others use.
package final class TraceRecorder: Communicator {
  package let rank = 0
  package let worldSize: Int
  package let localRank = 0
  package let localWorldSize: Int

  /// What compute is timed by.
  package enum Clock: Sendable {
    /// For steps on several threads.
    case wall
    /// For steps on a single thread.
    case processor
  }

  /// What a rank brings to the one gather in the background that grows with the world; nil without.
  package let growingGatherBytes: Int?
  private let clock: Clock
  private let log = Mutex(Log())

  private struct Log {
    var events: [StepTrace.Event] = []
    var startCount = 0
    /// Compute goes on from here.
    var resumed = 0.0
    var clock = CLOCK_MONOTONIC
  }

  /// - Parameters:
  ///   - worldSize: the world that the rank believes in.
  ///   - growingGatherBytes: what each rank tells of the rows that its batch touches, where a step does that.
  package init(
    worldSize: Int, localWorldSize: Int = 1, clock: Clock = .processor, growingGatherBytes: Int? = nil
  ) {
    precondition(worldSize > 0 && localWorldSize > 0)
    (self.worldSize, self.localWorldSize) = (worldSize, localWorldSize)
    (self.clock, self.growingGatherBytes) = (clock, growingGatherBytes)
  }

  /// Records what `body` does.
  package func record(_ body: () throws -> Void) rethrows -> StepTrace {
    let clock = ownClock
    log.withLock { $0 = Log(resumed: Self.seconds(clock), clock: clock) }
    try body()
    let end = Self.seconds(clock)
    return log.withLock { StepTrace(events: $0.events, tailSeconds: end - $0.resumed) }
  }

  /// One that other threads can read, too.
  private var ownClock: clockid_t {
    var clock = CLOCK_MONOTONIC
    if self.clock == .processor {
      let status = pthread_getcpuclockid(pthread_self(), &clock)
      precondition(status == 0, "a thread has a clock")
    }
    return clock
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private func note(_ action: StepTrace.Action, _ body: () -> Void = {}) {
    let clock = log.withLock(\.clock)
    let now = Self.seconds(clock)
    body()
    log.withLock { log in
      log.events.append(.init(now - log.resumed, action))
      log.resumed = Self.seconds(clock)
    }
  }

  private func reduce<T>(_ buffer: UnsafeMutableBufferPointer<T>) {
    note(.blocking(Collective(.allReduce, bytes: Double(buffer.count * MemoryLayout<T>.stride))))
  }

  package func allReduceSum(_ buffer: UnsafeMutableBufferPointer<Float>) { reduce(buffer) }
  package func allReduceSum(_ buffer: UnsafeMutableBufferPointer<Double>) { reduce(buffer) }
  package func allReduceMax(_ buffer: UnsafeMutableBufferPointer<Double>) { reduce(buffer) }

  package func start(_ exchange: Exchange) {
    exchange.pending.rearm()
    let whole = exchange.buffer.count
    exchange.before?()
    // A norm of 1: gradients are as they are, whatever their sum would be.
    exchange.sumOfSquares = exchange.kind == .allGather ? 0 : 1
    let number = log.withLock { log in
      defer { log.startCount += 1 }
      return log.startCount
    }
    note(.start(collective(exchange, wholeCount: whole)))
    exchange.pending.completeWhenAwaited { [self] in
      exchange.after?()
      note(.wait(number))
    }
  }

  package func place(_ style: ExchangeStyle) -> Int { rank }
  package func share(_ pages: UnsafeMutableRawBufferPointer) {}
  package func unshare(_ pages: UnsafeMutableRawBufferPointer) {}

  /// - Parameter wholeCount: elements before untouched rows were left out.
  private func collective(_ exchange: Exchange, wholeCount: Int) -> Collective {
    let width = MemoryLayout<Float>.stride
    let kind: Collective.Kind =
      switch exchange.kind {
      case .allReduce: .allReduce
      case .reduceScatter: .reduceScatter
      case .allGather: .partGather
      }
    var result = Collective(kind, bytes: Double(exchange.buffer.count * width))
    result.wireShare = exchange.style.wire == .bf16 ? 0.5 : 1
    result.isHierarchical = exchange.style.isHierarchical
    if exchange.before != nil { result.tableBytes = Double(wholeCount * width) }
    if kind == .partGather, let mine = growingGatherBytes, result.bytes == Double(mine * worldSize) {
      (result.bytes, result.isPerRank, result.wireShare) = (Double(mine), true, 1)
    }
    return result
  }

  package func allGatherRaw(_ mine: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer) {
    precondition(all.count == worldSize * mine.count)
    note(.blocking(Collective(.allGather, bytes: Double(mine.count)))) {
      guard mine.count > 0 else { return }
      for place in 0..<worldSize {
        UnsafeMutableRawBufferPointer(rebasing: all[(place * mine.count)..<((place + 1) * mine.count)])
          .copyMemory(from: mine)
      }
    }
  }

  package func allGatherBytes(_ mine: [UInt8]) -> [[UInt8]] {
    note(.blocking(Collective(.allGather, bytes: Double(mine.count))))
    return Array(repeating: mine, count: worldSize)
  }

  package func broadcast(_ buffer: UnsafeMutableRawBufferPointer, root: Int) {
    note(.blocking(Collective(.broadcast, bytes: Double(buffer.count))))
  }

  package func barrier() { note(.blocking(Collective(.barrier, bytes: 0))) }
  package func finalize() {}
}
