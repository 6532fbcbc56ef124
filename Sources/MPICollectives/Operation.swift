import Collectives
internal import CMPIShims

/// A collective on the communication thread: steps one after the other, each started when its turn comes and then
/// asked until it is done.
final class Operation {
  /// Whether the step has ended.
  typealias Poll = () throws -> Bool

  private struct Step {
    let turnstile: Turnstile
    let ticket: Int
    let start: (_ ticket: Int) throws -> Poll
  }

  private let rank: Int
  private let pending: PendingPieces
  private var steps: [Step] = []
  private var startedCount = 0
  private var poll: Poll?
  private var conclusion: () -> Void = {}

  init(rank: Int, pending: PendingPieces) {
    self.rank = rank
    self.pending = pending
  }

  var hasWaiters: Bool { pending.hasWaiters }

  /// Whether an MPI collective of it is under way.
  var hasMessage: Bool { poll != nil && steps[startedCount - 1].turnstile is Channel }

  /// Adds a step; steps start in the order in which they were added.
  func then(at turnstile: Turnstile, _ start: @escaping (_ ticket: Int) throws -> Poll) {
    steps.append(Step(turnstile: turnstile, ticket: turnstile.takeTicket(), start: start))
  }

  /// Adds an MPI collective; what it needs must live as long as the closures.
  ///
  /// - Parameter finish: local work when it has ended.
  func then(
    on channel: Channel, finish: @escaping () -> Void = {},
    _ start: @escaping (Channel) throws -> kelip_mpi_request
  ) {
    then(at: channel) { [rank] ticket in
      var request = try start(channel)
      channel.passed(ticket)
      return {
        var isDone: Int32 = 0
        try check("MPI_Test", rank: rank, kelip_mpi_test(&request, &isDone))
        if isDone != 0 { finish() }
        return isDone != 0
      }
    }
  }

  /// Local work after the last step.
  func finally(_ work: @escaping () -> Void) { conclusion = work }

  /// Moves on as far as it goes without waiting.
  ///
  /// - Returns: whether anything happened, and whether all is done.
  func advance() throws -> (moved: Bool, done: Bool) {
    var moved = false
    while true {
      if let poll {
        guard try poll() else { return (moved, false) }
        self.poll = nil
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

  private func startNext() throws -> Bool {
    let step = steps[startedCount]
    guard step.turnstile.isUp(step.ticket) else { return false }
    poll = try step.start(step.ticket)
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
