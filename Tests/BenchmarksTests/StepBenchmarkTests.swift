import Basics
import Collectives
import Kernels
import Testing
import Towers

@testable import Benchmarks

/// The clock of phases is one a process: these run one after the other.
@Suite(.serialized) struct StepBenchmarkTests {
  private func benchmark(_ precision: Precision = .fp32, batch: Int = 3, tokens: Int = 7) throws
    -> StepBenchmark
  {
    var benchmark = try StepBenchmark(
      model: smallModel, precision: precision, batchSize: batch, tokens: tokens, steps: 3)
    (benchmark.phaseSteps, benchmark.productSeconds) = (2, 0.01)
    return benchmark
  }

  @Test func operationsAreCountedFromTheShapes() throws {
    let (batch, tokens) = (3, 7)
    let counts = try benchmark(batch: batch, tokens: tokens).productCounts()
    // Captions are padded to 32 rows; 4 patches and a class token a picture.
    let (textRows, imageRows) = (32, batch * 5)
    #expect(counts[.init(.forward, rows: textRows, inputs: 32, outputs: 96)] == 2)
    // Of the last of two blocks in each tower, one row a picture or caption goes on behind attention.
    #expect(counts[.init(.dataGradient, rows: imageRows, inputs: 128, outputs: 32)] == 1)
    #expect(counts[.init(.weightGradient, rows: imageRows, inputs: 32, outputs: 128)] == 1)
    #expect(counts[.init(.weightGradient, rows: batch, inputs: 32, outputs: 128)] == 2)
    // Patches are the pictures: no gradient goes below them.
    #expect(counts[.init(.forward, rows: batch * 4, inputs: 192, outputs: 32)] == 1)
    #expect(counts[.init(.dataGradient, rows: batch * 4, inputs: 192, outputs: 32)] == nil)
    #expect(counts[.init(.weightGradient, rows: batch * 4, inputs: 192, outputs: 32)] == 1)
    // The last layer to the joint space, in both towers of the same width.
    #expect(counts[.init(.forward, rows: batch, inputs: 32, outputs: 16)] == 2)
  }

  @Test(arguments: [Precision.fp32, .bf16]) func everyPartOfAStepIsSeen(precision: Precision) throws {
    let report = try benchmark(precision).run(SoloCommunicator())
    let phases = try #require(report.phases)
    let sections = phases.nodes[0].children.compactMap { phases.nodes[$0].phase }
    #expect(
      Set(sections).isSuperset(of: [
        .imageForward, .imageBackward, .textForward, .textBackward, .loss, .update,
      ]))
    #expect(abs(phases.byPhase.reduce(0) { $0 + $1.seconds } - phases.seconds) < 1e-6)
    #expect(report.samplesPerSecond > 0 && report.loss.isFinite)
    #expect(try #require(report.productGigaflops) > 0 && report.gigaflops! > 0)
    #expect(report.products?.rates.count == phases.shapes.count)
    let products = report.products!.rates.reduce(0) { $0 + $1.totalFlops }
    #expect(products > 0.5 * phases.flops && products <= phases.flops)
  }

  @Test func captionsOfADataSetAreTakenInTurn() throws {
    var benchmark = try benchmark(batch: 2)
    benchmark.phaseSteps = 0
    benchmark.captions = [
      PackedCaptions(ids: [1, 49, 2, 3, 49], offsets: [0, 2, 5]),
      PackedCaptions(ids: [1, 2, 3, 49, 49], offsets: [0, 4, 5]),
    ]
    let report = try benchmark.run(SoloCommunicator())
    #expect(report.tokensPerCaption == 2.5 && report.phases == nil && report.shareOfProductRate == nil)
  }

  @Test func tokensOutsideTheContextAreRefused() {
    for tokens in [1, 10] {
      #expect(throws: KelipError.self) {
        try StepBenchmark(model: smallModel, precision: .fp32, batchSize: 1, tokens: tokens, steps: 1)
      }
    }
  }
}
