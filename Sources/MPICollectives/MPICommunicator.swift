import Basics
import Collectives
import Foundation

/// The world that `mpirun` or `srun` has started.
///
/// One thread owns MPI (`MPI_THREAD_FUNNELED`), also for initialisation; it works off collectives in the
/// background. Reductions are bit-identical on all ranks and for repeated runs with the same placement, as the
/// arithmetic is done here and not by the MPI library; on one machine they equal those of
/// `ThreadedCommunicator`.
///
/// When a rank dies, Open MPI kills the others. A rank that fails by itself calls `abort`, or agrees on the
/// error with its peers and leaves by `finalize()`; one that exits without either makes `mpirun` end the job.
/// There is no `atexit` hook: `MPI_Finalize` waits for peers that may never come. Signals are left to the
/// program, which sets a flag and agrees on it with its peers; no MPI call may be made in a handler.
package final class MPICommunicator: Communicator {
  /// 64 MiB: what a long collective is cut into.
  package static let defaultPieceBytes = 64 << 20

  package let rank: Int
  package let worldSize: Int
  package let localRank: Int
  package let localWorldSize: Int
  private let thread: CommunicationThread
  private let hierarchicalPlace: Int
  /// Of the calls that return when all is done: one at a time, from one thread at a time.
  private let blocking = PendingCollective()

  /// Whether this process was started by an MPI launcher. False under plain `sbatch` and in a shell: a program
  /// then is a world of one.
  package static var isLaunchedByMPI: Bool {
    let environment = ProcessInfo.processInfo.environment
    return ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"].contains { environment[$0] != nil }
  }

  /// The world that this process belongs to: MPI's when launched by it, else a world of one.
  package static func world() throws -> any Communicator {
    isLaunchedByMPI ? try MPICommunicator() : SoloCommunicator()
  }

  /// Joins the world; blocks until every rank has. Once a process.
  ///
  /// - Parameter pieceBytes: the most bytes that one MPI call handles; the same on all ranks.
  package init(pieceBytes: Int = MPICommunicator.defaultPieceBytes) throws {
    precondition((1...Int(Int32.max)).contains(pieceBytes), "pieces of \(pieceBytes) bytes")
    thread = CommunicationThread(pieceBytes: pieceBytes)
    let place = try thread.join()
    rank = place.rank
    worldSize = place.worldSize
    localRank = place.localRank
    localWorldSize = place.localWorldSize
    hierarchicalPlace = place.hierarchicalPlace
  }

  package func allReduceSum(_ buffer: UnsafeMutableBufferPointer<Float>) throws {
    try run(.reduce(UnsafeMutableRawBufferPointer(buffer), .sumFloat))
  }

  package func allReduceSum(_ buffer: UnsafeMutableBufferPointer<Double>) throws {
    try run(.reduce(UnsafeMutableRawBufferPointer(buffer), .sumDouble))
  }

  package func allReduceMax(_ buffer: UnsafeMutableBufferPointer<Double>) throws {
    try run(.reduce(UnsafeMutableRawBufferPointer(buffer), .maxDouble))
  }

  package func place(_ style: ExchangeStyle) -> Int { style.isHierarchical ? hierarchicalPlace : rank }

  package func start(_ exchange: Exchange) {
    precondition(exchange.cuts.count == worldSize + 1, "an exchange for another world")
    exchange.pending.rearm()
    thread.submit(.exchange(exchange), exchange.pending)
  }

  package func share(_ pages: UnsafeMutableRawBufferPointer) throws {
    guard worldSize > 1 else { return }
    try run(.share(pages))
  }

  package func unshare(_ pages: UnsafeMutableRawBufferPointer) {
    guard worldSize > 1, !thread.isStopped else { return }
    thread.submit(.unshare(pages), PendingCollective())
  }

  package func allGatherRaw(_ mine: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer) throws {
    precondition(
      all.count == worldSize * mine.count,
      "all-gather of \(mine.count) bytes from each of \(worldSize) into \(all.count)")
    try run(.gather(mine, into: all))
  }

  package func allGatherBytes(_ mine: [UInt8]) throws -> [[UInt8]] {
    let counts = try allGather(Int64(mine.count)).map(Int.init)
    var all = [UInt8](repeating: 0, count: counts.reduce(0, +))
    try all.withUnsafeMutableBytes { target in
      try mine.withUnsafeBytes { try run(.gatherCounts($0, counts, into: target)) }
    }
    var start = 0
    return counts.map { count in
      defer { start += count }
      return Array(all[start..<(start + count)])
    }
  }

  package func broadcast(_ buffer: UnsafeMutableRawBufferPointer, root: Int) throws {
    precondition((0..<worldSize).contains(root), "root \(root) in a world of \(worldSize)")
    try run(.broadcast(buffer, root: root))
  }

  package func barrier() throws {
    try run(.barrier)
  }

  package func finalize() throws {
    try thread.stop()
  }

  /// Ends every process of the job with this exit code, for a fault that the other ranks do not know of.
  package func abort(_ code: ExitCode) -> Never {
    thread.abort(code.rawValue, within: 5)
  }

  private func run(_ request: Request) throws {
    blocking.rearm()
    thread.submit(request, blocking)
    try blocking.wait()
  }
}
