/// What N equal workers can do together.
///
/// Every rank makes the same calls in the same order with matching counts, from one thread at a time.
/// Buffers may be empty. Reductions are in place and leave bit-identical results on all ranks, the same again
/// for repeated runs of the same world size. A failed call leaves the communicator unusable: the process should
/// end.
package protocol Communicator: AnyObject, Sendable {
  /// This worker's number, `0 ..< worldSize`.
  var rank: Int { get }
  /// N, the number of workers.
  var worldSize: Int { get }
  /// This worker's number among those on the same machine.
  var localRank: Int { get }
  /// How many workers share this machine.
  var localWorldSize: Int { get }

  /// buffer[i] ← Σ over ranks of buffer[i].
  func allReduceSum(_ buffer: UnsafeMutableBufferPointer<Float>) throws
  /// buffer[i] ← Σ over ranks of buffer[i].
  func allReduceSum(_ buffer: UnsafeMutableBufferPointer<Double>) throws
  /// buffer[i] ← max over ranks of buffer[i]. NaN has no defined place in the order.
  func allReduceMax(_ buffer: UnsafeMutableBufferPointer<Double>) throws

  /// This rank's number among the parts of an exchange, `0 ..< worldSize`; not always `rank`.
  func place(_ style: ExchangeStyle) -> Int
  /// Does an exchange in the background; all ranks start it with equal cuts. It may be started again after its `wait`.
  /// Several may be pending; they begin in the order of the calls.
  func start(_ exchange: Exchange) throws
  /// Lets the ranks of this machine read whole pages of this one's memory, so that exchanges within them need no
  /// messages. Their content stays. A collective call; where it is not possible, nothing changes.
  func share(_ pages: UnsafeMutableRawBufferPointer) throws
  /// Before shared pages are unmapped; all ranks call it at the same place in the order of their collectives. Does
  /// nothing for others, or after `finalize()`.
  func unshare(_ pages: UnsafeMutableRawBufferPointer)

  /// Lays the equally long `mine` of all ranks end to end, in rank order, into `all` (N times as long).
  /// `mine` may be this rank's own place in `all`, and must not overlap `all` in another way.
  func allGatherRaw(_ mine: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer) throws
  /// Everyone's bytes, in rank order; the counts may differ.
  func allGatherBytes(_ mine: [UInt8]) throws -> [[UInt8]]
  /// Copies the root's buffer into everyone's, which is equally long.
  func broadcast(_ buffer: UnsafeMutableRawBufferPointer, root: Int) throws
  /// Returns when every rank has called it.
  func barrier() throws

  /// The last call: waits for what is pending and leaves the world. A second call does nothing.
  func finalize() throws
}

extension Communicator {
  /// Whether this worker writes what only one should write.
  package var isLeader: Bool { rank == 0 }

  /// This rank's of `count` items, dealt in equal stretches; the ranks' follow one another.
  package func share(of count: Int) -> Range<Int> {
    count * rank / worldSize..<count * (rank + 1) / worldSize
  }
}
