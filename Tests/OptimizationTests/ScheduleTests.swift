import Optimization
import TestSupport
import Testing

@Suite("Learning rate and clipping")
struct ScheduleTests {
  @Test("warm-up rises to the peak, the cosine falls to zero")
  func shape() {
    let schedule = LearningRateSchedule.warmupCosine(lr: 2, warmup: 4, steps: 12)
    #expect((0..<4).map(schedule.rate) == [0.5, 1, 1.5, 2])
    #expect(schedule.rate(at: 4) == 2)
    #expect(abs(schedule.rate(at: 8) - 1) < 1e-12)
    #expect((4..<11).allSatisfy { schedule.rate(at: $0) > schedule.rate(at: $0 + 1) })
    #expect(schedule.rate(at: 11) > 0)
  }

  @Test("past the last step the rate stays zero", arguments: [12, 13, 1_000_000])
  func past(_ index: Int) {
    #expect(abs(LearningRateSchedule.warmupCosine(lr: 2, warmup: 4, steps: 12).rate(at: index)) < 1e-12)
  }

  @Test("no warm-up starts at the peak")
  func noWarmup() { #expect(LearningRateSchedule.warmupCosine(lr: 2, warmup: 0, steps: 10).rate(at: 0) == 2) }

  @Test("a run no longer than its warm-up only rises, and holds the peak after")
  func onlyWarmup() {
    let schedule = LearningRateSchedule.warmupCosine(lr: 2, warmup: 4, steps: 4)
    #expect((0..<6).map(schedule.rate) == [0.5, 1, 1.5, 2, 2, 2])
    #expect(LearningRateSchedule.warmupCosine(lr: 2, warmup: 10, steps: 4).rate(at: 3) == 0.8)
    #expect(LearningRateSchedule.warmupCosine(lr: 2, warmup: 0, steps: 0).rate(at: 0) == 2)
  }

  @Test("one step of one")
  func oneStep() { #expect(LearningRateSchedule.warmupCosine(lr: 2, warmup: 0, steps: 1).rate(at: 0) == 2) }

  @Test("the half cosine ends at the smallest rate")
  func smallest() {
    let schedule = LearningRateSchedule.warmupCosine(lr: 2, warmup: 0, steps: 10, minLR: 0.5)
    #expect(schedule.rate(at: 0) == 2 && schedule.rate(at: 5) == 1.25 && schedule.rate(at: 10) == 0.5)
  }

  @Test(
    "annealing by epochs equals torch's CosineAnnealingLR, past its end too", arguments: [1.0, 4, 3.5, 0.25])
  func annealing(_ stepsPerEpoch: Double) throws {
    let rates = try Fixture("adam_trajectory", in: .module).doubles("annealing")
    let schedule = LearningRateSchedule.cosineAnnealing(
      lr: 3e-3, tMaxEpochs: 10, stepsPerEpoch: stepsPerEpoch, minLR: 2e-4)
    for index in 0..<Int(Double(rates.count) * stepsPerEpoch) {
      let expected = rates[Int(Double(index) / stepsPerEpoch)]
      #expect(abs(schedule.rate(at: index) - expected) < 1e-12, "step \(index)")
    }
  }

  @Test("an epoch of a third of steps changes the rate on time")
  func thirds() {
    let schedule = LearningRateSchedule.cosineAnnealing(lr: 1, tMaxEpochs: 10, stepsPerEpoch: 10.0 / 3)
    let changes = (1..<100).filter { schedule.rate(at: $0) != schedule.rate(at: $0 - 1) }
    #expect(changes == (1..<30).map { ($0 * 10 + 2) / 3 })
  }

  @Test("annealing below its warm-up's line")
  func warmAnnealing() {
    let schedule = LearningRateSchedule.cosineAnnealing(
      lr: 1, warmup: 4, tMaxEpochs: 2, stepsPerEpoch: 3)
    #expect((0..<3).map(schedule.rate) == [0.25, 0.5, 0.75])
    #expect((3..<6).allSatisfy { abs(schedule.rate(at: $0) - 0.5) < 1e-12 })
  }

  @Test("a constant rate after its warm-up")
  func constant() {
    #expect((0..<4).map(LearningRateSchedule.constant(lr: 2, warmup: 2).rate) == [1, 2, 2, 2])
    #expect(LearningRateSchedule.constant(lr: 2).rate(at: 0) == 2)
  }

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
