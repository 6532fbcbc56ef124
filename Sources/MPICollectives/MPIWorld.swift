import Basics
import Foundation
internal import CMPIShims

/// The ranks, and how they are spread over machines. Made and used on the communication thread only.
final class MPIWorld {
  /// All ranks: gathers, broadcasts, barriers.
  let all: Channel
  let localRank: Int
  let localWorldSize: Int
  let machine: Machine
  /// How a long reduction is cut, level by level: first over the ranks of a machine, then over the machines, where all
  /// hold equally many ranks; else all ranks at once.
  let levels: [Level]
  /// All ranks at once.
  private let flat: [Level]

  /// A group that scatters and gathers parts of a buffer among its members.
  struct Level {
    let scatter: Channel
    let gather: Channel
    /// Whether its members are the ranks of one machine.
    let isMachine: Bool
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
    machine = try Machine(local, worldRank: all.rank)
    levels = try Self.levels(all: all, local: local)
    flat = levels.count == 2 ? [try Self.level(all, all.rank)] : levels
  }

  func leave() throws {
    try check("MPI_Finalize", rank: all.rank, kelip_mpi_finalize())
  }

  func levels(isHierarchical: Bool) -> [Level] { isHierarchical ? levels : flat }

  /// This rank's number among the parts: those of a machine lie together within each part of the first level.
  func place(isHierarchical: Bool) -> Int {
    levels(isHierarchical: isHierarchical).reduce(0) { $0 * $1.scatter.size + $1.scatter.rank }
  }

  /// The ranks of this machine, in the order of the world.
  private static func machine(of all: Channel) throws -> Channel {
    var made: kelip_mpi_comm = 0
    let (status, call) =
      pretendedSize.map { size in
        (kelip_mpi_comm_split(all.handle, Int32(all.rank / size), Int32(all.rank), &made), "MPI_Comm_split")
      } ?? (kelip_mpi_comm_split_shared(all.handle, Int32(all.rank), &made), "MPI_Comm_split_type")
    try check(call, rank: all.rank, status)
    return try Channel(made, worldRank: all.rank)
  }

  /// `KELIP_RANKS_PER_NODE` makes every so many ranks a machine of their own: one machine can then stand for several.
  private static var pretendedSize: Int? {
    ProcessInfo.processInfo.environment["KELIP_RANKS_PER_NODE"].flatMap(Int.init).flatMap {
      $0 > 0 ? $0 : nil
    }
  }

  /// Where all machines hold equally many ranks, the local group and then the group of those with the same
  /// local rank, so that only 1/localWorldSize of a buffer leaves through each rank; else all ranks at once.
  private static func levels(all: Channel, local: Channel) throws -> [Level] {
    let sizes = try all.gatherNow(local.size, worldRank: all.rank)
    guard sizes.allSatisfy({ $0 == sizes[0] }) else { return [try level(all, all.rank)] }
    var made: kelip_mpi_comm = 0
    let status = kelip_mpi_comm_split(all.handle, Int32(local.rank), Int32(all.rank), &made)
    try check("MPI_Comm_split", rank: all.rank, status)
    let across = try Channel(made, worldRank: all.rank)
    return try [(local, true), (across, false)].filter { $0.0.size > 1 }.map {
      try level($0.0, all.rank, isMachine: $0.1)
    }
  }

  private static func level(_ group: Channel, _ rank: Int, isMachine: Bool = false) throws -> Level {
    Level(
      scatter: try group.duplicate(worldRank: rank), gather: try group.duplicate(worldRank: rank),
      isMachine: isMachine)
  }
}
