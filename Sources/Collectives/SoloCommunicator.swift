/// A world of one: every collective is the identity.
package final class SoloCommunicator: Communicator {
  package let rank = 0
  package let worldSize = 1
  package let localRank = 0
  package let localWorldSize = 1

  package init() {}

  package func allReduceSum(_ buffer: UnsafeMutableBufferPointer<Float>) {}
  package func allReduceSum(_ buffer: UnsafeMutableBufferPointer<Double>) {}
  package func allReduceMax(_ buffer: UnsafeMutableBufferPointer<Double>) {}

  package func place(_ style: ExchangeStyle) -> Int { 0 }

  package func start(_ exchange: Exchange) {
    exchange.pending.rearm()
    exchange.before?()
    exchange.sumOfSquares =
      exchange.kind == .allGather ? 0 : exchange.buffer.reduce(0) { $0 + Double($1) * Double($1) }
    exchange.after?()
    exchange.pending.complete(.success(()))
  }

  package func share(_ pages: UnsafeMutableRawBufferPointer) {}
  package func unshare(_ pages: UnsafeMutableRawBufferPointer) {}

  package func allGatherRaw(_ mine: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer) {
    precondition(mine.count == all.count, "all-gather of \(mine.count) bytes into \(all.count)")
    // `copyMemory` allows source and destination to be the same place.
    all.copyMemory(from: mine)
  }

  package func allGatherBytes(_ mine: [UInt8]) -> [[UInt8]] { [mine] }

  package func broadcast(_ buffer: UnsafeMutableRawBufferPointer, root: Int) {
    precondition(root == 0, "root \(root) in a world of one")
  }

  package func barrier() {}
  package func finalize() {}
}
