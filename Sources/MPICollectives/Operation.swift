import Collectives
internal import CMPIShims

/// A collective on the communication thread: steps one after the other, each a piece of local work and then one
/// non-blocking MPI collective.
final class Operation {
  /// Starts an MPI collective; what it needs must live as long as the step.
  typealias Start = (Channel) throws -> kelip_mpi_request

  struct Step {
    let channel: Channel
    let ticket: Int
    let start: Start
  }

  private let rank: Int
  private let pending: PendingPieces
  private var steps: [Step] = []
  private var startedCount = 0
  private var request: kelip_mpi_request?
  private var conclusion: () -> Void = {}

  init(rank: Int, pending: PendingPieces) {
    self.rank = rank
    self.pending = pending
  }

  var hasWaiters: Bool { pending.hasWaiters }

  /// Adds a step; steps start in the order in which they were added.
  func then(on channel: Channel, _ start: @escaping Start) {
    steps.append(Step(channel: channel, ticket: channel.takeTicket(), start: start))
  }

  /// Local work after the last step.
  func finally(_ work: @escaping () -> Void) { conclusion = work }

  /// Moves on as far as it goes without waiting.
  ///
  /// - Returns: whether anything happened, and whether all is done.
  func advance() throws -> (moved: Bool, done: Bool) {
    var moved = false
    while true {
      if request != nil {
        guard try isRequestDone() else { return (moved, false) }
        moved = true
      }
      guard startedCount < steps.count else {
        conclusion()
        pending.pieceDone()
        return (true, true)
      }
      guard try startNext() else { return (moved, false) }
      moved = true
    }
  }

  func fail(_ error: any Error) { pending.fail(error) }

  private func isRequestDone() throws -> Bool {
    var isDone: Int32 = 0
    try check("MPI_Test", rank: rank, kelip_mpi_test(&request!, &isDone))
    if isDone != 0 { request = nil }
    return isDone != 0
  }

  private func startNext() throws -> Bool {
    let step = steps[startedCount]
    guard step.channel.isUp(step.ticket) else { return false }
    request = try step.start(step.channel)
    step.channel.started(step.ticket)
    startedCount += 1
    return true
  }
}

/// The pieces of one collective that was too long for one MPI call. Used on the communication thread.
final class PendingPieces {
  private let pending: PendingCollective
  private var missingCount: Int

  init(_ pending: PendingCollective, count: Int) {
    self.pending = pending
    missingCount = count
    if count == 0 { pending.complete(.success(())) }
  }

  var hasWaiters: Bool { pending.hasWaiters }

  func pieceDone() {
    missingCount -= 1
    if missingCount == 0 { pending.complete(.success(())) }
  }

  func fail(_ error: any Error) {
    guard missingCount > 0 else { return }
    missingCount = 0
    pending.complete(.failure(error))
  }
}
