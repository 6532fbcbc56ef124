import Basics
import Collectives
import Kernels
import Objectives
import Optimization
import Testing
import TestSupport
import Towers

@testable import Training

extension TrainStep {
  /// One crop of 16 × 16 pixels.
  fileprivate func run(_ pairs: TrainStepTests.Pairs, index: Int) throws -> StepResult {
    try pairs.images.withUnsafeBufferPointer { images in
      let crop = TrainBatch.Crop(
        name: "image", images: ImageBatch(images.baseAddress!, count: pairs.captions.count, size: 16))
      return try run(
        TrainBatch(crops: [crop], captions: pairs.captions, step: index, firstSlot: 0), index: index)
    }
  }
}

@Suite struct TrainStepTests {
  /// The pairs of one global batch of six, from `first` on.
  fileprivate struct Pairs {
    var images: [Float]
    var captions: PackedCaptions

    init(_ range: Range<Int>, spoilt: Int? = nil) {
      images = range.flatMap { seededFloats(3 * 16 * 16, seed: 100 + UInt64($0)) }
      if let spoilt, range.contains(spoilt) { images[(spoilt - range.lowerBound) * 768 + 5] = .nan }
      let texts = range.map { [257, Int32(3 + $0), Int32(20 + $0 * $0), 299] }
      captions = PackedCaptions(
        ids: texts.flatMap(\.self), offsets: (0...range.count).map { Int32(4 * $0) })
    }
  }

  private func step<S: ComputeScalar>(
    _ small: SmallModel<S>, _ communicator: any Communicator, gradClipNorm: Double? = nil
  ) throws -> TrainStep {
    try TrainStep(
      objective: ContrastiveObjective(model: small.model, loss: GlobalContrastive()),
      optimizer: small.optimizer, schedule: .warmupCosine(lr: 3e-3, warmup: 0, steps: 100),
      gradClipNorm: gradClipNorm, bucketBytes: 4096, communicator: communicator)
  }

  private func slice(_ communicator: any Communicator) -> Range<Int> {
    let size = 6 / communicator.worldSize
    return communicator.rank * size..<(communicator.rank + 1) * size
  }

  @Test(arguments: [Precision.fp32, .bf16]) func aFewStepsOnOneBatchLowerItsLoss(_ precision: Precision)
    throws
  {
    func losses<S: ComputeScalar>(_: S.Type) throws -> [Double] {
      let small = try SmallModel<S>(seed: 1)
      let step = try step(small, SoloCommunicator())
      let pairs = Pairs(0..<6)
      return try (0..<8).map { try step.run(pairs, index: $0).loss }
    }
    let losses =
      switch precision {
      case .fp32: try losses(Float.self)
      case .bf16: try losses(BFloat16.self)
      }
    #expect(losses.allSatisfy { $0.isFinite })
    #expect(losses[1] < losses[0] && losses[2] < losses[1], "\(losses)")
    #expect(losses[7] < losses[0] / 2, "\(losses)")
  }

  @Test(arguments: [1, 2, 3]) func everyWorldTakesTheSameStep(worldSize: Int) throws {
    let alone = try SmallModel<Float>(seed: 2)
    let reference = try step(alone, SoloCommunicator(), gradClipNorm: 0.5)
    let pairs = Pairs(0..<6)
    let expected = try (0..<3).map {
      try reference.run(pairs, index: $0)
    }
    let values = alone.model.parameters.values.map(Double.init)
    let mismatches = try ThreadedCommunicator.run(worldSize: worldSize) { communicator in
      let small = try SmallModel<Float>(seed: 2)
      let step = try step(small, communicator, gradClipNorm: 0.5)
      let pairs = Pairs(slice(communicator))
      let found = try (0..<3).map { try step.run(pairs, index: $0) }
      return [
        mismatch(found.map(\.loss), expected.map(\.loss), tolerance: 1e-5),
        mismatch(found.map(\.gradientNorm), expected.map(\.gradientNorm), tolerance: 1e-4),
        mismatch(small.model.parameters.values.map(Double.init), values, tolerance: 1e-3),
      ]
    }
    #expect(mismatches.flatMap { $0.compactMap(\.self) } == [])
  }

  @Test(arguments: [1, 2, 3], [0, 5]) func aLossThatIsNotFiniteChangesNothingOnAnyRank(
    worldSize: Int, spoilt: Int
  )
    throws
  {
    let outcomes = try ThreadedCommunicator.run(worldSize: worldSize) { communicator in
      let small = try SmallModel<Float>(seed: 3)
      let before = small.bits
      let step = try step(small, communicator, gradClipNorm: 1)
      let bad = Pairs(slice(communicator), spoilt: spoilt)
      let result = try step.run(bad, index: 0)
      let isUntouched = small.bits == before && small.optimizer.step == 0
      // The next good batch is as if nothing had been.
      let good = Pairs(slice(communicator))
      let next = try step.run(good, index: 1)
      return [!result.updated, isUntouched, next.updated, next.loss.isFinite, small.optimizer.step == 1]
    }
    #expect(outcomes.allSatisfy { $0 == [true, true, true, true, true] }, "\(outcomes)")
  }

  @Test func theTemperatureStaysWithinItsLimit() throws {
    let small = try SmallModel<Float>(seed: 4)
    small.model.logitScale.value.pointee = 9
    let pairs = Pairs(0..<6)
    _ = try step(small, SoloCommunicator()).run(pairs, index: 0)
    #expect(abs(small.model.logitScale.value.pointee - 4.6051702) < 1e-5)
  }
}
