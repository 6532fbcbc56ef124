import Optimization
import Testing

@Suite("Learning rate and clipping")
struct ScheduleTests {
  @Test("warm-up rises to the peak, the cosine falls to zero")
  func shape() {
    let schedule = WarmupCosine(lr: 2, warmup: 4, steps: 12)
    #expect((0..<4).map(schedule.rate) == [0.5, 1, 1.5, 2])
    #expect(schedule.rate(at: 4) == 2)
    #expect(abs(schedule.rate(at: 8) - 1) < 1e-12)
    #expect((4..<11).allSatisfy { schedule.rate(at: $0) > schedule.rate(at: $0 + 1) })
    #expect(schedule.rate(at: 11) > 0)
  }

  @Test("past the last step the rate stays zero", arguments: [12, 13, 1_000_000])
  func past(_ index: Int) {
    #expect(abs(WarmupCosine(lr: 2, warmup: 4, steps: 12).rate(at: index)) < 1e-12)
  }

  @Test("no warm-up starts at the peak")
  func noWarmup() { #expect(WarmupCosine(lr: 2, warmup: 0, steps: 10).rate(at: 0) == 2) }

  @Test("a run no longer than its warm-up only rises, and holds the peak after")
  func onlyWarmup() {
    let schedule = WarmupCosine(lr: 2, warmup: 4, steps: 4)
    #expect((0..<6).map(schedule.rate) == [0.5, 1, 1.5, 2, 2, 2])
    #expect(WarmupCosine(lr: 2, warmup: 10, steps: 4).rate(at: 3) == 0.8)
    #expect(WarmupCosine(lr: 2, warmup: 0, steps: 0).rate(at: 0) == 2)
  }

  @Test("one step of one")
  func oneStep() { #expect(WarmupCosine(lr: 2, warmup: 0, steps: 1).rate(at: 0) == 2) }

  @Test("clipping scales what is over the limit, and only that")
  func clipping() {
    #expect(GradientClipping.factor(norm: 0.5, maxNorm: 1) == 1)
    #expect(GradientClipping.factor(norm: 0, maxNorm: 1) == 1)
    #expect(GradientClipping.factor(norm: 100, maxNorm: nil) == 1)
    #expect(abs(GradientClipping.factor(norm: 4, maxNorm: 1) - 0.25) < 1e-6)
    #expect(GradientClipping.factor(norm: .infinity, maxNorm: 1) == 0)
  }

  @Test("a norm that is not a number is not hidden by clipping")
  func poison() { #expect(GradientClipping.factor(norm: .nan, maxNorm: 1).isNaN) }

  @Test("the norm of gradients")
  func norm() {
    var gradients: [Float] = [3, 0, -4]
    gradients.withUnsafeMutableBufferPointer { #expect(GradientClipping.norm($0) == 5) }
  }
}
