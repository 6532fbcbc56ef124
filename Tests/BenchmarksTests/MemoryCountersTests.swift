import Foundation
import Testing

@testable import Benchmarks

struct MemoryCountersTests {
  private func allocations(_ body: () -> Void) -> Int? {
    let before = MemoryCounters.read()
    body()
    return (MemoryCounters.read() - before).threadAllocations
  }

  @Test func eachAllocationOfTheThreadCounts() {
    #expect(allocations {} == 0)
    #expect(
      allocations {
        for bytes in [1, 100, 1 << 20] { release(malloc(bytes)) }
        release(realloc(calloc(3, 5), 100))
        var block: UnsafeMutableRawPointer?
        posix_memalign(&block, 64, 10)
        release(block)
        release(aligned_alloc(64, 128))
      } == 7)
  }

  @Test func otherThreadsDoNotCount() {
    var done = false
    let count = allocations {
      let thread = Thread { for _ in 0..<1_000 { release(malloc(10)) } }
      thread.start()
      while !thread.isFinished { usleep(100) }
      done = true
    }
    #expect(done && count! < 500)
  }

  @Test func untouchedPagesFaultWhenTheyAreTouched() {
    let bytes = 4 << 20
    let pages = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    defer { munmap(pages, bytes) }
    let before = MemoryCounters.read()
    memset(pages, 1, bytes)
    // Two at least, where the kernel gives huge pages.
    #expect((MemoryCounters.read() - before).minorFaults >= 2)
  }
}

/// `free` that the optimizer cannot see: it would leave out memory that nobody looks at.
@_optimize(none) private func release(_ memory: UnsafeMutableRawPointer?) { free(memory) }
