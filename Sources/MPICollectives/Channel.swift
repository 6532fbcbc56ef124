internal import CMPIShims

/// An MPI communicator that one kind of step uses, and the order of the steps on it.
///
/// MPI matches the non-blocking collectives of a communicator by the order in which each rank starts them. So
/// every step takes a ticket when its operation is queued, and starts when its number is up. Only the
/// communication thread touches a channel.
final class Channel {
  let handle: kelip_mpi_comm
  let rank: Int
  let size: Int
  private var nextTicket = 0
  private var nextStart = 0

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

  func takeTicket() -> Int {
    defer { nextTicket += 1 }
    return nextTicket
  }

  func isUp(_ ticket: Int) -> Bool { ticket == nextStart }

  func started(_ ticket: Int) {
    precondition(isUp(ticket), "a step out of turn")
    nextStart += 1
  }
}
