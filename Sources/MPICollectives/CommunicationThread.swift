import Basics
import Collectives
import Foundation
internal import CMPIShims

/// The one thread that calls MPI: joins the world, works off collectives in the order of their submission, and
/// leaves.
///
/// It polls, but never holds a core that the compute thread needs: the longer nothing moves, the longer it
/// sleeps, less so while somebody waits for it.
final class CommunicationThread: @unchecked Sendable {
  // Safe to share: the queue and the states are touched under the condition's lock, the rest by the thread only.
  typealias Submission = (request: Request, pending: PendingCollective)

  /// What the other threads may know of the world.
  struct Place {
    let rank: Int
    let worldSize: Int
    let localRank: Int
    let localWorldSize: Int
    /// Among the parts of hierarchical exchanges.
    let hierarchicalPlace: Int
  }

  /// Collectives under way at a time. More would not be faster, and each reduction holds scratch memory.
  private static let inFlightLimit = 4

  private let condition = NSCondition()
  private var queue: [Submission] = []
  private var isStopping = false
  private var abortCode: Int32?
  private var place: Result<Place, any Error>?
  private var end: Result<Void, any Error>?
  private var failure: (any Error)?

  private let pieceBytes: Int
  /// The queue's other half: the two change places, so that both keep their memory.
  private var taken: [Submission] = []
  private var waiting: [Operation] = []
  private var active: [Operation] = []
  private var backOff = BackOff()
  /// When the collectives began that are under way.
  private var busySince: Double?

  init(pieceBytes: Int) {
    self.pieceBytes = pieceBytes
    queue.reserveCapacity(256)
    taken.reserveCapacity(256)
    let thread = Thread { [self] in run() }
    thread.name = "communication"
    thread.start()
  }

  /// Blocks until every rank has joined.
  func join() throws -> Place {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let place { return try place.get() }
      condition.wait()
    }
  }

  var isStopped: Bool { condition.withLock { isStopping } }

  func submit(_ request: Request, _ pending: PendingCollective) {
    condition.lock()
    precondition(!isStopping, "a collective after finalize()")
    let failure = self.failure
    if failure == nil {
      queue.append((request, pending))
      condition.broadcast()
    }
    condition.unlock()
    if let failure { pending.complete(.failure(failure)) }
  }

  /// Works off what is queued, leaves the world, and ends the thread. A second call does nothing.
  func stop() throws {
    condition.lock()
    defer { condition.unlock() }
    isStopping = true
    condition.broadcast()
    while true {
      if let end { return try end.get() }
      condition.wait()
    }
  }

  /// Ends every process of the job, this one at the latest after `seconds`.
  func abort(_ code: Int32, within seconds: Double) -> Never {
    condition.lock()
    abortCode = code
    condition.broadcast()
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline, end == nil { _ = condition.wait(until: deadline) }
    condition.unlock()
    _exit(code)
  }

  private func run() {
    let world: MPIWorld
    do {
      world = try MPIWorld()
    } catch {
      condition.withLock {
        place = .failure(error)
        end = .failure(error)
        condition.broadcast()
      }
      return
    }
    announce(world)
    work(
      OperationBuilder(
        world: world, pieceBytes: pieceBytes, scratch: ScratchPool(keptCount: 2 * Self.inFlightLimit)))
    let outcome = Result { try failure.map { throw $0 } ?? world.leave() }
    condition.withLock {
      end = outcome
      condition.broadcast()
    }
  }

  private func announce(_ world: MPIWorld) {
    condition.withLock {
      place = .success(
        Place(
          rank: world.all.rank, worldSize: world.all.size, localRank: world.localRank,
          localWorldSize: world.localWorldSize,
          hierarchicalPlace: world.place(isHierarchical: true)))
      condition.broadcast()
    }
  }

  private func work(_ builder: OperationBuilder) {
    while admit(builder) {
      do {
        try pollOnce()
      } catch {
        fail(error)
      }
      meter()
    }
  }

  /// Counts stretches in which something is under way.
  private func meter() {
    let isBusy = !(waiting.isEmpty && active.isEmpty)
    guard isBusy != (busySince != nil) else { return }
    let now = monotonicSeconds()
    if let start = busySince { CollectiveMeter.add(seconds: now - start) }
    busySince = isBusy ? now : nil
  }

  /// Takes what has been submitted; sleeps while there is nothing to do.
  ///
  /// - Returns: false when it is time to leave.
  private func admit(_ builder: OperationBuilder) -> Bool {
    condition.lock()
    let isIdle = waiting.isEmpty && active.isEmpty
    while isIdle, queue.isEmpty, !isStopping, abortCode == nil { condition.wait() }
    swap(&queue, &taken)
    let code = abortCode
    let isOver = isIdle && taken.isEmpty && isStopping
    condition.unlock()

    if let code { kelip_mpi_abort(code) }
    guard !taken.isEmpty else { return !isOver }
    build(builder)
    backOff.reset()
    return true
  }

  private func build(_ builder: OperationBuilder) {
    defer { taken.removeAll(keepingCapacity: true) }
    for (index, submission) in taken.enumerated() {
      do {
        waiting += try builder.operations(submission.request, submission.pending)
      } catch {
        fail(error)
        for left in taken[index...] { left.pending.complete(.failure(error)) }
        return
      }
    }
  }

  private func pollOnce() throws {
    let room = min(Self.inFlightLimit - active.count, waiting.count)
    active += waiting.prefix(room)
    waiting.removeFirst(room)
    var moved = room > 0
    var index = 0
    while index < active.count {
      let state = try active[index].advance()
      moved = moved || state.moved
      if state.done { active.remove(at: index) } else { index += 1 }
    }
    guard !active.isEmpty else { return }
    guard !moved else { return backOff.reset() }
    backOff.pause(
      isHurried: active.contains(where: \.hasWaiters), hasMessages: active.contains(where: \.hasMessage))
  }

  /// After a failed MPI call nothing that is under way can be trusted to end.
  private func fail(_ error: any Error) {
    condition.lock()
    failure = error
    let queued = queue
    queue.removeAll()
    condition.unlock()
    for operation in active + waiting { operation.fail(error) }
    for submission in queued { submission.pending.complete(.failure(error)) }
    active.removeAll()
    waiting.removeAll()
  }
}
