import Collectives
internal import CMPIShims

extension OperationBuilder {
  /// Lays parts of known, perhaps unequal lengths end to end.
  ///
  /// - Parameters:
  ///   - mine: [counts[rank]] bytes; may be this rank's own place in `all`.
  ///   - counts: bytes that each rank brings.
  ///   - all: [Σ counts]
  func gather(
    _ mine: UnsafeRawBufferPointer, counts: [Int], into all: UnsafeMutableRawBufferPointer,
    _ pending: PendingCollective
  ) -> [Operation] {
    let longest = counts.max() ?? 0
    if all.count <= pieceBytes {
      return pieces(of: longest, atMost: Swift.max(longest, 1), pending) { operation, _ in
        gatherStep(operation, mine, PartLayout(counts: counts)) { all.baseAddress! }
      }
    }
    let places = counts.indices.map { counts[..<$0].reduce(0, +) }
    return pieces(of: longest, atMost: pieceBytes / worldSize, pending) { operation, range in
      gatherPiece(operation, mine, range, counts, places, into: all)
    }
  }

  /// `range` of every rank's part, by way of scratch memory: the places in `all` may lie beyond 32 bits.
  private func gatherPiece(
    _ operation: Operation, _ mine: UnsafeRawBufferPointer, _ range: Range<Int>, _ counts: [Int],
    _ places: [Int], into all: UnsafeMutableRawBufferPointer
  ) {
    let lengths = counts.map { range.clamped(to: 0..<$0).count }
    let layout = PartLayout(counts: lengths)
    let slice = UnsafeRawBufferPointer(rebasing: mine[range.clamped(to: 0..<mine.count)])
    var held: UnsafeMutableRawBufferPointer?
    gatherStep(operation, slice, layout) { [scratch] in
      held = scratch.take(lengths.reduce(0, +))
      return held!.baseAddress!
    }
    operation.finally { [scratch] in
      guard let held else { return }
      for (k, length) in lengths.enumerated() where length > 0 {
        let source = held.baseAddress! + Int(layout.displacements[k])
        (all.baseAddress! + places[k] + range.lowerBound).copyMemory(from: source, byteCount: length)
      }
      scratch.put(held)
    }
  }

  /// - Parameter destination: asked for when the step starts.
  func gatherStep(
    _ operation: Operation, _ mine: UnsafeRawBufferPointer, _ layout: PartLayout,
    on channel: Channel? = nil, _ destination: @escaping () -> UnsafeMutableRawPointer
  ) {
    let channel = channel ?? world.all
    operation.then(on: channel) { [rank] channel in
      let all = destination()
      let ownPlace = UnsafeRawPointer(all + Int(layout.displacements[channel.rank]))
      // An empty buffer may have no address, and nil would mean in place.
      let source = mine.baseAddress ?? ownPlace
      var request: kelip_mpi_request = 0
      let status = kelip_mpi_iallgatherv(
        source == ownPlace ? nil : source, Int32(mine.count), all, layout.counts, layout.displacements,
        channel.handle, &request)
      try check("MPI_Iallgatherv", rank: rank, status)
      return request
    }
  }
}
