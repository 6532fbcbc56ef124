import Collectives
internal import CMPIShims

/// Exchanges of parts, level by level: what is added up by the ranks of a machine goes on to the other machines, each
/// part through the rank that owns it.
///
/// On a machine whose ranks see each other's memory a part is added up straight from there, in one pass; else it comes
/// in messages. Every element is added up by one rank, from the lowest rank of its group to the highest, so the result
/// has the same bits on all ranks.
extension OperationBuilder {
  /// A level with the elements that this rank has to do with there.
  private struct Stage {
    let level: MPIWorld.Level
    /// By rank of the level.
    let ranges: [Range<Int>]
    /// The memory of the level's ranks; nil for messages.
    let versions: [UnsafeRawPointer]?

    var rank: Int { level.scatter.rank }
    var own: Range<Int> { ranges[rank] }
    /// From the first element of the first rank to the last of the last.
    var all: Range<Int> { ranges.first!.lowerBound..<ranges.last!.upperBound }
  }

  func exchange(_ exchange: Exchange, _ pending: PendingCollective) -> [Operation] {
    exchange.before?()
    let isAlone = worldSize == 1 && exchange.kind != .allGather
    exchange.sumOfSquares = isAlone ? kelip_squares(exchange.buffer.baseAddress, exchange.buffer.count) : 0
    let operation = Operation(rank: rank, pending: PendingPieces(pending, count: 1))
    let stages = stages(of: exchange)
    if exchange.kind != .allGather {
      for (k, stage) in stages.enumerated() {
        addScatter(operation, exchange, stage, isLast: k == stages.count - 1)
      }
    }
    if exchange.kind != .reduceScatter {
      for stage in stages.reversed() { addGather(operation, exchange, stage) }
    }
    operation.finally { exchange.after?() }
    return [operation]
  }

  private func stages(of exchange: Exchange) -> [Stage] {
    var places = 0..<worldSize
    let bytes = UnsafeRawBufferPointer(exchange.buffer)
    return world.levels(isHierarchical: exchange.style.isHierarchical).map { level in
      let width = places.count / level.scatter.size
      let ranges = (0..<level.scatter.size).map { k in
        let start = places.lowerBound + k * width
        return exchange.range(start..<start + width)
      }
      let start = places.lowerBound + level.scatter.rank * width
      places = start..<start + width
      return Stage(
        level: level, ranges: ranges, versions: level.isMachine ? world.machine.versions(of: bytes) : nil)
    }
  }

  private func addScatter(_ operation: Operation, _ exchange: Exchange, _ stage: Stage, isLast: Bool) {
    let sum = { (parts: [UnsafePointer<Float>?]) in
      let out = exchange.buffer.baseAddress! + stage.own.lowerBound
      let squares = kelip_sum_parts_squares(parts, Int32(parts.count), out, stage.own.count)
      if isLast { exchange.sumOfSquares = squares }
    }
    if let versions = stage.versions {
      let turnstile = world.machine.stages!.scatter
      operation.then(at: turnstile) { ticket in
        turnstile.begin(ticket) {
          guard !stage.own.isEmpty else { return }
          sum(versions.map { $0.assumingMemoryBound(to: Float.self) + stage.own.lowerBound })
        }
      }
    } else if exchange.style.wire == .fp32 {
      scatterMessages(operation, exchange, stage) { parts in
        sum(parts.map { $0.assumingMemoryBound(to: Float.self) })
      }
    } else {
      scatterMessages(operation, exchange, stage) { parts in
        let out = exchange.buffer.baseAddress! + stage.own.lowerBound
        kelip_sum_parts_bf16(
          parts.map(Optional.some), Int32(parts.count), Int32(stage.rank), out, stage.own.count)
        if isLast, exchange.kind == .allReduce { kelip_round_to_bf16(out, stage.own.count) }
        if isLast { exchange.sumOfSquares = kelip_squares(out, stage.own.count) }
      }
    }
  }

  /// Every rank of a level sends each peer that peer's part, and hands what it has received, and its own, to `combine`.
  private func scatterMessages(
    _ operation: Operation, _ exchange: Exchange, _ stage: Stage,
    combine: @escaping ([UnsafeRawPointer]) -> Void
  ) {
    let isNarrow = exchange.style.wire == .bf16
    let width = isNarrow ? 2 : 4
    let (rank, start, count) = (stage.rank, stage.all.lowerBound, stage.own.count)
    // Nothing goes to oneself.
    let outgoing = PartLayout(
      counts: stage.ranges.indices.map { $0 == rank ? 0 : stage.ranges[$0].count * width },
      displacements: stage.ranges.map { ($0.lowerBound - start) * width })
    let incoming = PartLayout(counts: stage.ranges.indices.map { $0 == rank ? 0 : count * width })
    var (received, sent) = (UnsafeMutableRawBufferPointer?.none, UnsafeMutableRawBufferPointer?.none)
    let finish: () -> Void = { [scratch] in
      let base = received!.baseAddress!
      if count > 0 {
        combine(
          stage.ranges.indices.map { k in
            k == rank
              ? UnsafeRawPointer(exchange.buffer.baseAddress! + stage.own.lowerBound)
              : UnsafeRawPointer(base + Int(incoming.displacements[k]))
          })
      }
      scratch.put(received!)
      if let sent { scratch.put(sent) }
    }
    operation.then(on: stage.level.scatter, finish: finish) { [scratch, worldRank = self.rank] channel in
      received = scratch.take(count * width * (channel.size - 1))
      var source = exchange.buffer.baseAddress.map { UnsafeRawPointer($0 + start) }
      if isNarrow {
        sent = scratch.take(stage.all.count * 2)
        for (k, range) in stage.ranges.enumerated() where k != rank && !range.isEmpty {
          let target = sent!.baseAddress! + (range.lowerBound - start) * 2
          kelip_narrow(
            exchange.buffer.baseAddress! + range.lowerBound, target.assumingMemoryBound(to: UInt16.self),
            range.count)
        }
        source = UnsafeRawPointer(sent!.baseAddress!)
      }
      var request: kelip_mpi_request = 0
      let status = kelip_mpi_ialltoallv(
        source, outgoing.counts, outgoing.displacements, received!.baseAddress, incoming.counts,
        incoming.displacements, channel.handle, &request)
      try check("MPI_Ialltoallv", rank: worldRank, status)
      return request
    }
  }

  private func addGather(_ operation: Operation, _ exchange: Exchange, _ stage: Stage) {
    if let versions = stage.versions {
      let turnstile = world.machine.stages!.gather
      operation.then(at: turnstile) { ticket in
        turnstile.begin(ticket) {
          for (k, range) in stage.ranges.enumerated() where k != stage.rank && !range.isEmpty {
            let source = versions[k].assumingMemoryBound(to: Float.self) + range.lowerBound
            (exchange.buffer.baseAddress! + range.lowerBound).update(from: source, count: range.count)
          }
        }
      }
      return
    }
    // Only a sum may be rounded: what is gathered alone are weights.
    let isNarrow = exchange.style.wire == .bf16 && exchange.kind == .allReduce
    isNarrow ? gatherNarrow(operation, exchange, stage) : gatherWide(operation, exchange, stage)
  }

  private func gatherWide(_ operation: Operation, _ exchange: Exchange, _ stage: Stage) {
    let start = stage.all.lowerBound
    let layout = PartLayout(
      counts: stage.ranges.map { $0.count * 4 },
      displacements: stage.ranges.map { ($0.lowerBound - start) * 4 })
    let whole = UnsafeMutableRawBufferPointer(
      UnsafeMutableBufferPointer(rebasing: exchange.buffer[stage.all]))
    let own = UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: exchange.buffer[stage.own]))
    guard let base = whole.baseAddress, !whole.isEmpty else { return }
    gatherStep(operation, own, layout, on: stage.level.gather) { base }
  }

  private func gatherNarrow(_ operation: Operation, _ exchange: Exchange, _ stage: Stage) {
    let start = stage.all.lowerBound
    let layout = PartLayout(
      counts: stage.ranges.map { $0.count * 2 },
      displacements: stage.ranges.map { ($0.lowerBound - start) * 2 })
    guard !stage.all.isEmpty else { return }
    var held: UnsafeMutableRawBufferPointer?
    let base = exchange.buffer.baseAddress!
    func narrow(_ range: Range<Int>) -> UnsafeMutablePointer<UInt16> {
      (held!.baseAddress! + (range.lowerBound - start) * 2).assumingMemoryBound(to: UInt16.self)
    }
    let finish: () -> Void = { [scratch] in
      for (k, range) in stage.ranges.enumerated() where k != stage.rank {
        kelip_widen(narrow(range), base + range.lowerBound, range.count)
      }
      scratch.put(held!)
    }
    operation.then(on: stage.level.gather, finish: finish) { [scratch, worldRank = self.rank] channel in
      held = scratch.take(stage.all.count * 2)
      kelip_narrow(base + stage.own.lowerBound, narrow(stage.own), stage.own.count)
      var request: kelip_mpi_request = 0
      let status = kelip_mpi_iallgatherv(
        nil, 0, held!.baseAddress, layout.counts, layout.displacements, channel.handle, &request)
      try check("MPI_Iallgatherv", rank: worldRank, status)
      return request
    }
  }
}
