import Synchronization
import Testing

@testable import Kernels

/// `WorkerPool.choose` is one setting of the process: the tests that need threads run one after the other, and leave more
/// than one chosen for those beside them, which must not see a difference.
@Suite(.serialized) struct WorkerPoolTests {
  @Test(arguments: [0, 1, 2, 3, 100, 1001]) func eachItemRunsOnce(count: Int) {
    WorkerPool.choose(3)
    let sum = Atomic<Int>(0)
    let calls = Atomic<Int>(0)
    WorkerPool.forEach(count) { item, worker in
      sum.add(item + 1, ordering: .relaxed)
      calls.add(1, ordering: .relaxed)
      #expect((0..<3).contains(worker))
    }
    #expect(calls.load(ordering: .relaxed) == count)
    #expect(sum.load(ordering: .relaxed) == count * (count + 1) / 2)
  }

  @Test(arguments: [0, 1, 7, 8, 9, 64, 1000, 4097]) func piecesMakeUpTheWhole(count: Int) {
    WorkerPool.choose(3)
    let touched = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: count + 1)
    touched.initialize(repeating: 0)
    defer { touched.deallocate() }
    nonisolated(unsafe) let bytes = touched
    WorkerPool.share(count, grain: 8) { range in
      #expect(range.lowerBound % 8 == 0 && (range.count >= 8 || range.upperBound == count))
      for index in range { bytes[index] += 1 }
    }
    #expect(touched.dropLast().allSatisfy { $0 == 1 })
    #expect(touched[count] == 0)
  }

  @Test func loopsWithinALoopRunInTheirThread() {
    WorkerPool.choose(3)
    let calls = Atomic<Int>(0)
    WorkerPool.forEach(5) { _, _ in
      WorkerPool.forEach(4) { _, worker in
        #expect(worker == 0)
        calls.add(1, ordering: .relaxed)
      }
    }
    #expect(calls.load(ordering: .relaxed) == 20)
  }
}
