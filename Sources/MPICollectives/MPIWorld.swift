import Basics
internal import CMPIShims

/// The ranks, and how they are spread over machines. Made and used on the communication thread only.
final class MPIWorld {
  /// All ranks: gathers, broadcasts, barriers.
  let all: Channel
  let localRank: Int
  let localWorldSize: Int
  /// How a long reduction is cut, level by level: first over the ranks of a machine, then over the machines.
  let levels: [Level]

  /// A group that scatters and gathers parts of a buffer among its members.
  struct Level {
    let scatter: Channel
    let gather: Channel
  }

  /// Joins the world. Blocks until every rank has come.
  init() throws {
    var isFunneled: Int32 = 0
    try check("MPI_Init_thread", rank: nil, kelip_mpi_init_thread_funneled(&isFunneled))
    guard isFunneled != 0 else {
      throw KelipError(
        "this MPI library does not allow threads beside the one that calls it",
        hint: "MPI_THREAD_FUNNELED is needed", exitCode: .fatal)
    }
    all = try Channel(kelip_mpi_comm_world(), worldRank: nil)
    let local = try Self.machine(of: all)
    localRank = local.rank
    localWorldSize = local.size
    levels = try Self.levels(all: all, local: local)
  }

  func leave() throws {
    try check("MPI_Finalize", rank: all.rank, kelip_mpi_finalize())
  }

  /// The ranks of this machine, in the order of the world.
  private static func machine(of all: Channel) throws -> Channel {
    var made: kelip_mpi_comm = 0
    let status = kelip_mpi_comm_split_shared(all.handle, Int32(all.rank), &made)
    try check("MPI_Comm_split_type", rank: all.rank, status)
    return try Channel(made, worldRank: all.rank)
  }

  /// Where all machines hold equally many ranks, the local group and then the group of those with the same
  /// local rank, so that only 1/localWorldSize of a buffer leaves through each rank; else all ranks at once.
  private static func levels(all: Channel, local: Channel) throws -> [Level] {
    guard try isEven(all: all, local: local) else { return [try level(all, all.rank)] }
    var made: kelip_mpi_comm = 0
    let status = kelip_mpi_comm_split(all.handle, Int32(local.rank), Int32(all.rank), &made)
    try check("MPI_Comm_split", rank: all.rank, status)
    let across = try Channel(made, worldRank: all.rank)
    return try [local, across].filter { $0.size > 1 }.map { try level($0, all.rank) }
  }

  private static func level(_ group: Channel, _ rank: Int) throws -> Level {
    Level(scatter: try group.duplicate(worldRank: rank), gather: try group.duplicate(worldRank: rank))
  }

  private static func isEven(all: Channel, local: Channel) throws -> Bool {
    let width = MemoryLayout<Int64>.stride
    let layout = PartLayout(counts: Array(repeating: width, count: all.size))
    var sizes = [Int64](repeating: 0, count: all.size)
    sizes[all.rank] = Int64(local.size)
    try sizes.withUnsafeMutableBytes { bytes in
      var request: kelip_mpi_request = 0
      let status = kelip_mpi_iallgatherv(
        nil, 0, bytes.baseAddress, layout.counts, layout.displacements, all.handle, &request)
      try check("MPI_Iallgatherv", rank: all.rank, status)
      var isDone: Int32 = 0
      while isDone == 0 {
        try check("MPI_Test", rank: all.rank, kelip_mpi_test(&request, &isDone))
        if isDone == 0 { kelip_short_sleep(50) }
      }
    }
    return sizes.allSatisfy { $0 == sizes[0] }
  }
}
