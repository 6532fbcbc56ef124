import Collectives
import Kernels
import Testing

@testable import Benchmarks

@Suite(.serialized) struct SteadyStepTests {
  @Test(arguments: [Precision.fp32, .bf16]) func aThousandStepsAllocateNothing(precision: Precision) throws {
    var benchmark = try StepBenchmark(
      model: smallModel, precision: precision, batchSize: 3, tokens: 7, steps: 1_000)
    benchmark.warmups = 20
    let report = try benchmark.run(SoloCommunicator())
    // A debug build keeps closures on the heap, and tests that run beside this one allocate too.
    #if !DEBUG
      #expect(report.allocations ?? 0 == 0)
    #endif
    #expect(report.loss.isFinite)
  }
}
