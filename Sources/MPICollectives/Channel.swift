internal import CMPIShims

/// An MPI communicator that one kind of step uses.
///
/// MPI matches the non-blocking collectives of a communicator by the order in which each rank starts them: hence the
/// tickets.
final class Channel: Turnstile {
  let handle: kelip_mpi_comm
  let rank: Int
  let size: Int

  /// Over a communicator that has been made by MPI.
  init(_ handle: kelip_mpi_comm, worldRank: Int?) throws {
    self.handle = handle
    try check("MPI_Comm_set_errhandler", rank: worldRank, kelip_mpi_comm_set_errors_return(handle))
    var number: Int32 = 0
    try check("MPI_Comm_rank", rank: worldRank, kelip_mpi_comm_rank(handle, &number))
    rank = Int(number)
    try check("MPI_Comm_size", rank: worldRank, kelip_mpi_comm_size(handle, &number))
    size = Int(number)
  }

  /// The same ranks, with an order of its own.
  func duplicate(worldRank: Int) throws -> Channel {
    var made: kelip_mpi_comm = 0
    try check("MPI_Comm_dup", rank: worldRank, kelip_mpi_comm_dup(handle, &made))
    return try Channel(made, worldRank: worldRank)
  }

  /// The `values` of every rank, in rank order. Blocks, and must not be called while steps of this channel are under
  /// way.
  func gatherNow<T: BitwiseCopyable>(_ value: T, worldRank: Int) throws -> [T] {
    let width = MemoryLayout<T>.stride
    let layout = PartLayout(counts: Array(repeating: width, count: size))
    var all = [T](repeating: value, count: size)
    try all.withUnsafeMutableBytes { bytes in
      var request: kelip_mpi_request = 0
      let status = kelip_mpi_iallgatherv(
        nil, 0, bytes.baseAddress, layout.counts, layout.displacements, handle, &request)
      try check("MPI_Iallgatherv", rank: worldRank, status)
      var isDone: Int32 = 0
      while isDone == 0 {
        try check("MPI_Test", rank: worldRank, kelip_mpi_test(&request, &isDone))
        if isDone == 0 { kelip_short_sleep(50) }
      }
    }
    return all
  }
}
