import Synchronization
import TestSupport
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

  @Test(
    "products are the same bit by bit for any number of workers",
    .enabled(if: ProductEngine.vectorUnit.isAvailable))
  func products() throws {
    let results = try [1, 3].map { workers in
      WorkerPool.choose(workers)
      return try products(rows: 131, inputs: 1060, outputs: 200)
    }
    #expect(results[0].allSatisfy(\.isFinite) && results[0].contains { $0 != 0 })
    #expect(results[0] == results[1])
  }

  /// Activation's input and output, data, weight and bias gradient, one after the other.
  private func products(rows: Int, inputs: Int, outputs: Int) throws -> [Float] {
    let arena = try Arena(capacity: 1 << 12)
    let (x, dy) = (seededFloats(rows * inputs, seed: 1), seededFloats(rows * outputs, seed: 2))
    let (weight, bias) = (seededFloats(inputs * outputs, seed: 3), seededFloats(outputs, seed: 4))
    var (z, y, dx) = (
      dy, [Float](repeating: .nan, count: rows * outputs), [Float](repeating: .nan, count: rows * inputs)
    )
    var (dWeight, dBias) = (weight, bias)
    weight.withUnsafeBufferPointer { weight in
      let map = LinearMap<Float>(
        inputs: inputs, outputs: outputs, layout: .outputsByInputs, weight: weight.baseAddress!,
        engine: .vectorUnit)
      map.refresh()
      z.withUnsafeMutableBufferPointer {
        map.forward(
          x, bias: bias, through: ActivationPass(.gelu, input: $0.baseAddress!), into: &y, rows: rows)
      }
      map.backwardInput(dy, into: &dx, rows: rows)
      map.backwardWeight(x, dy, into: &dWeight, dBias: &dBias, rows: rows, arena: arena)
    }
    return z + y + dx + dWeight + dBias
  }
}
