import Collectives
internal import CMPIShims

/// Turns collectives into operations. Used on the communication thread, in the order of the calls.
final class OperationBuilder {
  let world: MPIWorld
  /// The most bytes that one MPI call handles in all: bounds scratch memory, and keeps counts within 32 bits.
  let pieceBytes: Int
  let scratch: ScratchPool
  var rank: Int { world.all.rank }
  var worldSize: Int { world.all.size }

  init(world: MPIWorld, pieceBytes: Int, scratch: ScratchPool) {
    // A piece holds at least one element of every rank.
    self.pieceBytes = max(pieceBytes, world.all.size * MemoryLayout<Double>.stride)
    self.world = world
    self.scratch = scratch
  }

  /// One operation for each piece of `count` bytes.
  func pieces(
    of count: Int, atMost length: Int, _ pending: PendingCollective, _ fill: (Operation, Range<Int>) -> Void
  ) -> [Operation] {
    let starts = stride(from: 0, to: count, by: length)
    let group = PendingPieces(pending, count: starts.underestimatedCount)
    return starts.map { start in
      let operation = Operation(rank: rank, pending: group)
      fill(operation, start..<min(start + length, count))
      return operation
    }
  }

  func barrier(_ pending: PendingCollective) -> [Operation] {
    let operation = Operation(rank: rank, pending: PendingPieces(pending, count: 1))
    operation.then(on: world.all) { [rank] channel in
      var request: kelip_mpi_request = 0
      try check("MPI_Ibarrier", rank: rank, kelip_mpi_ibarrier(channel.handle, &request))
      return request
    }
    return [operation]
  }

  func broadcast(
    _ buffer: UnsafeMutableRawBufferPointer, root: Int, _ pending: PendingCollective
  ) -> [Operation] {
    pieces(of: buffer.count, atMost: pieceBytes, pending) { operation, range in
      operation.then(on: world.all) { [rank] channel in
        var request: kelip_mpi_request = 0
        let status = kelip_mpi_ibcast(
          buffer.baseAddress! + range.lowerBound, Int32(range.count), Int32(root), channel.handle, &request)
        try check("MPI_Ibcast", rank: rank, status)
        return request
      }
    }
  }
}
