import Basics
import Foundation

/// One rank of a world of threads in this process, for tests.
///
/// Sums are taken in rank order. A rank that throws breaks the world: its peers' next collectives throw.
package final class ThreadedCommunicator: Communicator {
  package let rank: Int
  package var worldSize: Int { world.size }
  package var localRank: Int { rank }
  package var localWorldSize: Int { world.size }
  private let world: ThreadedWorld
  private let worker: SerialWorker

  private init(rank: Int, world: ThreadedWorld) {
    self.rank = rank
    self.world = world
    worker = SerialWorker(name: "collectives-\(rank)")
  }

  /// Runs `body` on `worldSize` threads, one a rank, and returns what each returned or threw, in rank order.
  package static func runCollecting<T: Sendable>(
    worldSize: Int, _ body: @escaping @Sendable (ThreadedCommunicator) throws -> T
  ) -> [Result<T, any Error>] {
    runCollecting(in: ThreadedWorld(size: worldSize), body)
  }

  private static func runCollecting<T: Sendable>(
    in world: ThreadedWorld, _ body: @escaping @Sendable (ThreadedCommunicator) throws -> T
  ) -> [Result<T, any Error>] {
    let outcomes = Outcomes<T>(count: world.size)
    for rank in 0..<world.size {
      let thread = Thread { outcomes.set(rank, member(rank, of: world, body)) }
      thread.name = "rank-\(rank)"
      thread.stackSize = 8 << 20
      thread.start()
    }
    return outcomes.all()
  }

  /// The same, throwing the first error that broke the world.
  @discardableResult
  package static func run<T: Sendable>(
    worldSize: Int, _ body: @escaping @Sendable (ThreadedCommunicator) throws -> T
  ) throws -> [T] {
    let world = ThreadedWorld(size: worldSize)
    let outcomes = runCollecting(in: world, body)
    if let cause = world.firstError { throw cause }
    return try outcomes.map { try $0.get() }
  }

  private static func member<T>(
    _ rank: Int, of world: ThreadedWorld, _ body: (ThreadedCommunicator) throws -> T
  ) -> Result<T, any Error> {
    let communicator = ThreadedCommunicator(rank: rank, world: world)
    let outcome = Result { try body(communicator) }
    if case .failure(let error) = outcome { world.leave(rank: rank, because: error) }
    communicator.worker.stop()
    return outcome
  }

  package func allReduceSum(_ buffer: UnsafeMutableBufferPointer<Float>) throws {
    try reduce("allReduceSum", buffer, +).wait()
  }

  package func allReduceSum(_ buffer: UnsafeMutableBufferPointer<Double>) throws {
    try reduce("allReduceSum", buffer, +).wait()
  }

  package func allReduceMax(_ buffer: UnsafeMutableBufferPointer<Double>) throws {
    try reduce("allReduceMax", buffer, Swift.max).wait()
  }

  package func place(_ style: ExchangeStyle) -> Int { rank }

  package func share(_ pages: UnsafeMutableRawBufferPointer) {}
  package func unshare(_ pages: UnsafeMutableRawBufferPointer) {}

  package func start(_ exchange: Exchange) {
    exchange.pending.rearm()
    worker.submit { [rank, world] in
      exchange.before?()
      let outcome = Result {
        let call = "\(exchange.kind) of \(exchange.cuts) in \(exchange.style.wire)"
        let mine = exchange.outgoing(rank)
        let parts = try world.meet(rank: rank, call: call, bytes: mine, combine: { $0 })
        exchange.take(parts, rank: rank)
      }
      exchange.after?()
      exchange.pending.complete(outcome)
    }
  }

  package func allGatherRaw(_ mine: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer) throws {
    precondition(
      all.count == worldSize * mine.count,
      "all-gather of \(mine.count) bytes from each of \(worldSize) into \(all.count)")
    let parts = try exchange("allGather of \(mine.count) bytes", Array(mine))
    var offset = 0
    for part in parts {
      UnsafeMutableRawBufferPointer(rebasing: all[offset...]).copyBytes(from: part)
      offset += part.count
    }
  }

  package func allGatherBytes(_ mine: [UInt8]) throws -> [[UInt8]] {
    try exchange("allGatherBytes", mine)
  }

  package func broadcast(_ buffer: UnsafeMutableRawBufferPointer, root: Int) throws {
    precondition((0..<worldSize).contains(root), "root \(root) in a world of \(worldSize)")
    let call = "broadcast of \(buffer.count) bytes from \(root)"
    let parts = try exchange(call, rank == root ? Array(buffer) : [])
    buffer.copyBytes(from: parts[root])
  }

  package func barrier() throws { _ = try exchange("barrier", []) }

  package func finalize() throws { worker.stop() }

  private func exchange(_ call: String, _ bytes: [UInt8]) throws -> [[UInt8]] {
    let box = Outcomes<[[UInt8]]>(count: 1)
    worker.submit { [rank, world] in
      box.set(0, Result { try world.meet(rank: rank, call: call, bytes: bytes, combine: { $0 }) })
    }
    return try box.all()[0].get()
  }

  private func reduce<T: BitwiseCopyable & Sendable>(
    _ call: String, _ buffer: UnsafeMutableBufferPointer<T>, _ combine: @escaping @Sendable (T, T) -> T
  ) -> PendingCollective {
    let pending = PendingCollective()
    nonisolated(unsafe) let buffer = buffer
    let name = "\(call) of \(buffer.count) \(T.self)"
    worker.submit { [rank, world] in
      let outcome = Result {
        let result = try world.meet(rank: rank, call: name, bytes: Array(UnsafeRawBufferPointer(buffer))) {
          [Self.combined($0, combine)]
        }
        UnsafeMutableRawBufferPointer(buffer).copyBytes(from: result[0])
      }
      pending.complete(outcome)
    }
    return pending
  }

  private static func combined<T: BitwiseCopyable>(
    _ parts: [[UInt8]], _ combine: (T, T) -> T
  ) -> [UInt8] {
    var total = parts[0]
    total.withUnsafeMutableBytes { bytes in
      let target = bytes.bindMemory(to: T.self)
      for part in parts.dropFirst() {
        part.withUnsafeBytes { source in
          let values = source.bindMemory(to: T.self)
          for i in 0..<target.count { target[i] = combine(target[i], values[i]) }
        }
      }
    }
    return total
  }
}

/// Places for the results of `count` threads.
private final class Outcomes<T>: @unchecked Sendable {
  private let condition = NSCondition()
  private var results: [Result<T, any Error>?]
  private var missingCount: Int

  init(count: Int) {
    results = Array(repeating: nil, count: count)
    missingCount = count
  }

  func set(_ index: Int, _ result: Result<T, any Error>) {
    condition.withLock {
      results[index] = result
      missingCount -= 1
      condition.broadcast()
    }
  }

  /// Waits for all.
  func all() -> [Result<T, any Error>] {
    condition.lock()
    defer { condition.unlock() }
    while missingCount > 0 { condition.wait() }
    return results.map { $0! }
  }
}
