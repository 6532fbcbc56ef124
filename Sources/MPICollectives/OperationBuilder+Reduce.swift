import Collectives
internal import CMPIShims

/// All-reduce, in place.
///
/// Why every rank gets the same bits, whichever MPI library carries them: each element is added up by exactly
/// one rank (or, when short, by all in the same way), from the lowest rank of its group to the highest, and the
/// result travels as bytes. The groups depend on the placement of ranks only, and the cuts on lengths only, so a
/// second run of the same world has the same bits too. On a single machine the order is that of the ranks.
///
/// Long buffers: every level (the machine's ranks, then the machines) scatters parts, adds up its own, and hands
/// it to the next level; then the parts are gathered back, level by level. Each rank sends about 2 · count bytes
/// within its machine, and 2 · count / localWorldSize to others.
extension OperationBuilder {
  /// Up to this many bytes in all, one round trip matters more than how often a byte travels.
  private static var shortBytes: Int { 16 << 10 }
  /// Parts begin on cache lines.
  private static var alignment: Int { 64 }

  func reduce(
    _ buffer: UnsafeMutableRawBufferPointer, _ reduction: Reduction, _ pending: PendingCollective
  ) -> [Operation] {
    let length = pieceBytes / reduction.width * reduction.width
    return pieces(of: buffer.count, atMost: length, pending) { operation, range in
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
      if worldSize == 1 { return }
      if piece.count * worldSize <= Swift.min(Self.shortBytes, pieceBytes) {
        reduceShort(operation, piece, reduction)
      } else {
        reduceLong(operation, piece, reduction, world.levels[...])
      }
    }
  }

  /// Everyone gathers everything, and adds it up.
  private func reduceShort(
    _ operation: Operation, _ piece: UnsafeMutableRawBufferPointer, _ reduction: Reduction
  ) {
    let layout = PartLayout(counts: Array(repeating: piece.count, count: worldSize))
    var held: UnsafeMutableRawBufferPointer?
    gatherStep(operation, UnsafeRawBufferPointer(piece), layout) { [scratch, worldSize] in
      held = scratch.take(piece.count * worldSize)
      return held!.baseAddress!
    }
    operation.finally { [scratch, worldSize] in
      guard let held else { return }
      let parts = (0..<worldSize).map { UnsafeRawPointer(held.baseAddress! + $0 * piece.count) }
      reduction.combine(parts, into: piece.baseAddress!, byteCount: piece.count)
      scratch.put(held)
    }
  }

  /// Scatter, add up, the next levels, gather.
  private func reduceLong(
    _ operation: Operation, _ piece: UnsafeMutableRawBufferPointer, _ reduction: Reduction,
    _ levels: ArraySlice<MPIWorld.Level>, after: @escaping () -> Void = {}
  ) {
    guard let level = levels.first else { return operation.finally(after) }
    let shares = Shares(count: piece.count, ranks: level.scatter.size, alignment: Self.alignment)
    let own = shares.range(level.scatter.rank)
    let exchange = PartExchange(piece: piece, shares: shares, group: level.scatter)
    operation.then(on: level.scatter) { [rank, scratch] channel in
      after()
      exchange.received = scratch.take(exchange.receivedBytes)
      return try exchange.start(channel, worldRank: rank)
    }
    let addUp: () -> Void = { [scratch] in
      exchange.combine(reduction)
      scratch.put(exchange.received!)
    }
    let rest = levels.dropFirst()
    let part = UnsafeMutableRawBufferPointer(rebasing: piece[own])
    if rest.isEmpty {
      gatherParts(operation, piece, shares, level, after: addUp)
    } else {
      reduceLong(operation, part, reduction, rest, after: addUp)
      gatherParts(operation, piece, shares, level, after: {})
    }
  }

  private func gatherParts(
    _ operation: Operation, _ piece: UnsafeMutableRawBufferPointer, _ shares: Shares, _ level: MPIWorld.Level,
    after: @escaping () -> Void
  ) {
    let ranges = (0..<level.gather.size).map(shares.range)
    let layout = PartLayout(counts: ranges.map(\.count), displacements: ranges.map(\.lowerBound))
    let own = UnsafeRawBufferPointer(rebasing: piece[ranges[level.gather.rank]])
    gatherStep(operation, own, layout, on: level.gather) {
      after()
      return piece.baseAddress!
    }
  }
}

/// Every rank of a group sends each peer that peer's part of its buffer, and adds up what it receives.
final class PartExchange {
  /// The peers' versions of this rank's part, in rank order without its own.
  var received: UnsafeMutableRawBufferPointer?
  private let piece: UnsafeMutableRawBufferPointer
  private let own: Range<Int>
  private let rank: Int
  private let size: Int
  private let outgoing: PartLayout
  private let incoming: PartLayout

  init(piece: UnsafeMutableRawBufferPointer, shares: Shares, group: Channel) {
    self.piece = piece
    rank = group.rank
    size = group.size
    own = shares.range(rank)
    let ranges = (0..<size).map(shares.range)
    // Nothing goes to oneself.
    let sent = ranges.indices.map { $0 == group.rank ? 0 : ranges[$0].count }
    outgoing = PartLayout(counts: sent, displacements: ranges.map(\.lowerBound))
    let ownCount = own.count
    incoming = PartLayout(counts: (0..<size).map { $0 == group.rank ? 0 : ownCount })
  }

  var receivedBytes: Int { own.count * (size - 1) }

  func start(_ channel: Channel, worldRank: Int) throws -> kelip_mpi_request {
    var request: kelip_mpi_request = 0
    let status = kelip_mpi_ialltoallv(
      piece.baseAddress, outgoing.counts, outgoing.displacements, received!.baseAddress, incoming.counts,
      incoming.displacements, channel.handle, &request)
    try check("MPI_Ialltoallv", rank: worldRank, status)
    return request
  }

  func combine(_ reduction: Reduction) {
    let out = piece.baseAddress! + own.lowerBound
    let base = received!.baseAddress!
    let parts = (0..<size).map { k in
      k == rank ? UnsafeRawPointer(out) : UnsafeRawPointer(base + Int(incoming.displacements[k]))
    }
    reduction.combine(parts, into: out, byteCount: own.count)
  }
}
