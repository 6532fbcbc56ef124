import Foundation

/// A thread that runs jobs in the order in which they came.
final class SerialWorker: @unchecked Sendable {
  // Safe to share: the queue is touched under the condition's lock only.
  private let condition = NSCondition()
  private var jobs: [@Sendable () -> Void] = []
  private var isStopping = false

  init(name: String) {
    let thread = Thread { [self] in loop() }
    thread.name = name
    thread.start()
  }

  func submit(_ job: @escaping @Sendable () -> Void) {
    condition.withLock {
      precondition(!isStopping, "a collective after finalize()")
      jobs.append(job)
      condition.signal()
    }
  }

  /// Ends the thread after the jobs that are queued. A second call does nothing.
  func stop() {
    condition.withLock {
      isStopping = true
      condition.signal()
    }
  }

  private func loop() {
    while let job = next() { job() }
  }

  private func next() -> (@Sendable () -> Void)? {
    condition.lock()
    defer { condition.unlock() }
    while jobs.isEmpty, !isStopping { condition.wait() }
    return jobs.isEmpty ? nil : jobs.removeFirst()
  }
}
