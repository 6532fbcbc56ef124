internal import CAllocationCounts

#if canImport(Glibc)
  import Glibc
#endif

/// What this process has asked of the allocator and of the kernel so far; a difference of two says what lay between.
package struct MemoryCounters: Sendable {
  /// Heap allocations of the thread that reads it; nil where a sanitizer owns the allocator.
  package var threadAllocations: Int?
  /// Of all threads, since `countProcess` was first called.
  package var processAllocations: Int?
  /// Page faults of all threads that needed no reading from disk.
  package var minorFaults: Int
  package var majorFaults: Int

  /// As of now, for the calling thread.
  package static func read() -> MemoryCounters {
    var usage = rusage()
    let status = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    precondition(status == 0)
    let isCounted = kelip_allocations_are_counted() == 1
    return MemoryCounters(
      threadAllocations: isCounted ? Int(kelip_thread_allocations()) : nil,
      processAllocations: isCounted ? Int(kelip_process_allocations()) : nil,
      minorFaults: usage.ru_minflt, majorFaults: usage.ru_majflt)
  }

  /// Whether allocations of all threads are counted from now on.
  package static func countProcess(_ on: Bool) { kelip_count_process_allocations(on ? 1 : 0) }

  /// Runs `body`; the call stack of each allocation that this thread makes in it goes to standard error.
  package static func trace<Result>(_ body: () throws -> Result) rethrows -> Result {
    kelip_trace_allocations(1)
    defer { kelip_trace_allocations(0) }
    return try body()
  }

  package static func - (after: MemoryCounters, before: MemoryCounters) -> MemoryCounters {
    MemoryCounters(
      threadAllocations: difference(after.threadAllocations, before.threadAllocations),
      processAllocations: difference(after.processAllocations, before.processAllocations),
      minorFaults: after.minorFaults - before.minorFaults, majorFaults: after.majorFaults - before.majorFaults
    )
  }

  private static func difference(_ after: Int?, _ before: Int?) -> Int? {
    guard let after, let before else { return nil }
    return after - before
  }
}
