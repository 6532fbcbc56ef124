import Basics

/// Streams one rank's part of the global batches, in order, decoded ahead by threads of its own.
///
/// What comes out depends on the order, the options' seed and the step alone: not on the number of ranks,
/// threads, or their timing. For one user at a time.
package final class Loader {
  private let stream: Stream
  private var threads: [DecodeThread] = []
  private var isStopped = false

  private enum Stream {
    case threaded(DecodeQueue)
    case direct(DirectDecoding)
  }

  /// - Parameter startStep: the number of steps that were taken before, over all epochs.
  package init(_ options: LoaderOptions, startStep: Int = 0) throws {
    guard !options.slots.isEmpty else {
      throw KelipError(
        "\(options.worldSize) ranks cannot share a global batch of \(options.order.globalBatchSize)",
        at: "data.global_batch_size", hint: "at least one sample a rank")
    }
    guard options.threads > 0 else {
      stream = .direct(DirectDecoding(options, startStep: startStep))
      return
    }
    let queue = DecodeQueue(options, startStep: startStep)
    stream = .threaded(queue)
    threads = (0..<options.threads).map { _ in DecodeThread { queue.work() } }
  }

  deinit { stop() }

  /// The next batch. Throws when shards cannot be read, or hold nearly nothing but bad samples.
  package func next() throws -> Batch {
    precondition(!isStopped, "next() after stop()")
    let start = ContinuousClock.now
    let (pending, slots) =
      switch stream {
      case .threaded(let queue): try queue.takeNext()
      case .direct(let decoding): try decoding.takeNext()
      }
    let waited = start.duration(to: .now)
    return Batch(pending, slots: slots, waitSeconds: waited / .seconds(1))
  }

  /// Ends the decode threads and waits for them. Batches that were handed out stay usable.
  package func stop() {
    guard !isStopped else { return }
    isStopped = true
    if case .threaded(let queue) = stream { queue.stop() }
    threads.forEach { $0.join() }
  }
}

/// The stream without threads: everything happens when a batch is asked for.
private final class DirectDecoding {
  private let decoder: SlotDecoder
  private var planner: BatchPlanner

  init(_ options: LoaderOptions, startStep: Int) {
    decoder = SlotDecoder(options)
    planner = BatchPlanner(options, startStep: startStep)
  }

  func takeNext() throws -> (PendingBatch, [DecodedSlot]) {
    let pending = planner.next()
    while let task = pending.startSlot() {
      pending.finish(task, Result { try decoder.decode(task) })
    }
    return (pending, try pending.results())
  }
}
