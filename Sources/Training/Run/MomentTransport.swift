import Collectives
import Optimization
import Towers

/// Moves an optimizer's moments between the ranks that own them and the leader, who alone reads and writes files.
///
/// Every rank makes the same calls. Files hold whole tensors whatever the share of each rank, so a checkpoint is good
/// for any number of ranks.
struct MomentTransport {
  private let optimizer: Optimizer
  private let communicator: any Communicator
  /// Of every rank; nil where each has all.
  private let shares: [[Range<Int>]]?
  /// Elements that travel at a time.
  private static let blockCount = 4 << 20

  init(_ optimizer: Optimizer, _ communicator: any Communicator) throws {
    (self.optimizer, self.communicator) = (optimizer, communicator)
    shares = try optimizer.share.map { share in
      let ends = share.flatMap { [Int64($0.lowerBound), Int64($0.upperBound)] }
      let all = try communicator.allGatherBytes(ends.withUnsafeBytes { Array($0) })
      return all.map { bytes in
        let ends = bytes.withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
        return stride(from: 0, to: ends.count, by: 2).map { Int(ends[$0])..<Int(ends[$0 + 1]) }
      }
    }
  }

  /// Hands `range` of a moment to `sink` on the leader, piece after piece.
  func collect(
    _ moment: UnsafeMutableBufferPointer<Float>, _ range: Range<Int>,
    _ sink: (UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    guard let shares else {
      if communicator.isLeader { try sink(UnsafeBufferPointer(rebasing: moment[range])) }
      return
    }
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.blockCount) {
      let block = start..<min(start + Self.blockCount, range.upperBound)
      var mine: [Float] = []
      optimizer.forEachOwned(in: block) { part, place in mine += moment[place..<place + part.count] }
      let all = try communicator.allGatherBytes(mine.withUnsafeBytes { Array($0) })
      guard communicator.isLeader else { continue }
      try assemble(block, all, shares).withUnsafeBufferPointer(sink)
    }
  }

  private func assemble(_ block: Range<Int>, _ all: [[UInt8]], _ shares: [[Range<Int>]]) -> [Float] {
    var values = [Float](repeating: 0, count: block.count)
    for (share, bytes) in zip(shares, all) {
      bytes.withUnsafeBytes { bytes in
        let owned = bytes.bindMemory(to: Float.self)
        var next = 0
        for range in share {
          for i in range.clamped(to: block) {
            values[i - block.lowerBound] = owned[next]
            next += 1
          }
        }
      }
    }
    return values
  }

  /// Fills `range` of a moment wherever it is owned, from what `read` gives the leader.
  func distribute(
    _ moment: UnsafeMutableBufferPointer<Float>, _ range: Range<Int>,
    _ read: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) throws {
    let whole = UnsafeMutableBufferPointer<Float>.allocate(capacity: range.count)
    defer { whole.deallocate() }
    whole.initialize(repeating: 0)
    try communicator.onLeader { try read(whole) }
    try communicator.broadcast(UnsafeMutableRawBufferPointer(whole), root: 0)
    optimizer.forEachOwned(in: range) { part, place in
      (moment.baseAddress! + place).update(
        from: whole.baseAddress! + part.lowerBound - range.lowerBound, count: part.count)
    }
  }
}
