import Foundation

/// The batches under way, between the decode threads and the one that takes them in order.
///
/// Threads decode slot by slot: first of the batch that is wanted next. A new batch is laid out as soon as
/// there is room, so that the kernel can read ahead for it while earlier ones are decoded.
final class DecodeQueue: @unchecked Sendable {
  // Unchecked: everything mutable is used with `condition` locked.

  private enum Work {
    /// Samples that the kernel may start to read.
    case readAhead([SampleDraw])
    case decode(PendingBatch, SlotTask)
  }

  private let decoder: SlotDecoder
  private let capacity: Int
  private let condition = NSCondition()
  private var planner: BatchPlanner
  private var pending: [PendingBatch] = []
  private var isStopped = false

  init(_ options: LoaderOptions, startStep: Int) {
    decoder = SlotDecoder(options)
    capacity = options.prefetchBatches
    planner = BatchPlanner(options, startStep: startStep)
  }

  /// Waits for the next batch in order. A batch with an error stays at the head: the stream ends there.
  func takeNext() throws -> (PendingBatch, [DecodedSlot]) {
    condition.lock()
    defer { condition.unlock() }
    while pending.first?.isFinished != true { condition.wait() }
    let slots = try pending[0].results()
    defer { condition.broadcast() }
    return (pending.removeFirst(), slots)
  }

  /// Lets all threads return from `work()`.
  func stop() {
    condition.lock()
    isStopped = true
    condition.broadcast()
    condition.unlock()
  }

  /// What a decode thread does until `stop()`.
  func work() {
    condition.lock()
    defer { condition.unlock() }
    while let work = nextWork() {
      switch work {
      case .readAhead(let draws):
        condition.unlock()
        draws.forEach(decoder.willNeed)
        condition.lock()
      case .decode(let batch, let task):
        condition.unlock()
        let result = Result { try decoder.decode(task) }
        condition.lock()
        batch.finish(task, result)
        if batch.isFinished { condition.broadcast() }
      }
    }
  }

  /// Called with the lock held, which waiting lets go for a while.
  private func nextWork() -> Work? {
    while !isStopped {
      if pending.count < capacity {
        pending.append(planner.next())
        condition.broadcast()
        return .readAhead(pending.last!.draws)
      }
      for batch in pending {
        if let task = batch.startSlot() { return .decode(batch, task) }
      }
      condition.wait()
    }
    return nil
  }
}
