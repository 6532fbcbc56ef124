import Basics
import Checkpointing
import Collectives
import Foundation
import Kernels
import Objectives
import Optimization
import Testing
import TestSupport
import TinyRun
import Tokenization
import Towers

@testable import Training

/// Sharding, the wire and the cut of the gradient change who does the work, not what comes out.
@Suite struct ShardedStepTests {
  /// What a rank holds after a few steps.
  private struct Outcome: Equatable {
    var bits: [UInt32]
    var norms: [Double]
    var momentCount: Int
  }

  private static func settings(
    sharded: Bool, wire: GradientWire = .fp32, bucketBytes: Int = 4096
  ) -> ParallelSettings {
    var settings = ParallelSettings()
    settings.shardsOptimizer = sharded
    settings.style = ExchangeStyle(wire: wire)
    settings.bucketBytes = bucketBytes
    return settings
  }

  private static func step(
    _ small: SmallModel<Float>, _ settings: ParallelSettings, _ communicator: any Communicator,
    clipsUpdates: Bool = false
  ) throws -> TrainStep {
    var rule = OptimizerSettings()
    rule.clipsUpdates = clipsUpdates
    let objective = ContrastiveObjective(model: small.model, loss: GlobalContrastive())
    return try TrainStep(
      objective: objective,
      optimizer: settings.optimizer(for: objective, rule, communicator),
      schedule: .constant(lr: 3e-3), gradClipNorm: 0.5, bucketBytes: settings.bucketBytes,
      communicator: communicator, style: settings.style)
  }

  /// Six pairs a step over all ranks, other tokens in each.
  private static func run(_ step: TrainStep, _ index: Int, _ communicator: any Communicator) throws
    -> StepResult
  {
    let size = 6 / communicator.worldSize
    let slots = communicator.rank * size..<(communicator.rank + 1) * size
    let images = slots.flatMap { seededFloats(3 * 16 * 16, seed: UInt64(100 + $0 + 10 * index)) }
    let texts = slots.map { [257, Int32(3 + $0 + index), Int32(20 + $0 * $0), 299] }
    let captions = PackedCaptions(
      ids: texts.flatMap(\.self), offsets: (0...size).map { Int32(4 * $0) })
    return try images.withUnsafeBufferPointer { values in
      let crop = TrainBatch.Crop(
        name: "image", images: ImageBatch(values.baseAddress!, count: size, size: 16))
      return try step.run(
        TrainBatch(crops: [crop], captions: captions, step: index, firstSlot: slots.lowerBound), index: index)
    }
  }

  private static func outcomes(
    _ worldSize: Int, _ settings: ParallelSettings, clipsUpdates: Bool = false
  ) throws -> [Outcome] {
    try ThreadedCommunicator.run(worldSize: worldSize) { communicator in
      let small = try SmallModel<Float>(seed: 21)
      let step = try step(small, settings, communicator, clipsUpdates: clipsUpdates)
      let norms = try (0..<4).map { try run(step, $0, communicator).gradientNorm }
      return Outcome(
        bits: small.model.parameters.values.map(\.bitPattern), norms: norms,
        momentCount: step.optimizer.m.count)
    }
  }

  @Test(arguments: [1, 2, 3], [512, 4096, 1 << 20]) func aShardedStepHasTheSameBits(
    worldSize: Int, bucketBytes: Int
  ) throws {
    let whole = try Self.outcomes(worldSize, Self.settings(sharded: false, bucketBytes: bucketBytes))
    let sharded = try Self.outcomes(worldSize, Self.settings(sharded: true, bucketBytes: bucketBytes))
    for outcome in whole + sharded {
      #expect(outcome.bits == whole[0].bits && outcome.norms == whole[0].norms)
    }
    #expect(sharded.reduce(0) { $0 + $1.momentCount } == whole[0].momentCount)
    // Alignment leaves parts uneven by a cache line or a row in each unit.
    if bucketBytes == 4096 {
      #expect(sharded.allSatisfy { $0.momentCount < whole[0].momentCount / worldSize * 2 || worldSize == 1 })
    }
  }

  /// A tensor's root mean square is over all of it, wherever its parts lie.
  @Test(arguments: [1, 2, 3], [false, true]) func clippedUpdatesDoNotDependOnRanks(
    worldSize: Int, sharded: Bool
  ) throws {
    let alone = try Self.outcomes(1, Self.settings(sharded: false), clipsUpdates: true)[0]
    let ranks = try Self.outcomes(worldSize, Self.settings(sharded: sharded), clipsUpdates: true)
    #expect(ranks.allSatisfy { $0.bits == ranks[0].bits }, "all ranks hold the same")
    let values = { (outcome: Outcome) in outcome.bits.map { Float(bitPattern: $0) } }
    #expect(mismatch(values(ranks[0]), values(alone).map(Double.init), tolerance: 1e-4) == nil)
    let plain = try Self.outcomes(1, Self.settings(sharded: false))[0]
    #expect(
      mismatch(values(plain), values(alone).map(Double.init), tolerance: 1e-3) != nil, "nothing was clipped")
  }

  @Test(arguments: [2, 3], [false, true]) func theShortWireComesClose(worldSize: Int, sharded: Bool) throws {
    let wide = try Self.outcomes(worldSize, Self.settings(sharded: sharded))
    let narrow = try Self.outcomes(worldSize, Self.settings(sharded: sharded, wire: .bf16))
    #expect(narrow.allSatisfy { $0.bits == narrow[0].bits }, "all ranks hold the same")
    #expect(narrow[0].bits != wide[0].bits, "the wire was not used")
    // A part in 256 of each gradient at most.
    #expect(mismatch(narrow[0].norms, wide[0].norms, tolerance: 1e-2) == nil)
  }

  /// Three steps, a checkpoint, another world and kind of optimizer, two more steps.
  @Test(arguments: [1, 2, 3], [1, 2, 3]) func checkpointsFitEveryWorld(from: Int, into: Int) throws {
    let tiny = try TinyRun(sampleCount: 3)
    let root = tiny.url("run-\(from)-\(into)")
    let tokenizer = try Tokenizers.load(tiny.tokenizerPath)
    let state = RunState(step: 3, updates: 3, samplesSeen: 18, worldSize: from)
    let saved = try ThreadedCommunicator.run(worldSize: from) { communicator in
      let small = try SmallModel<Float>(seed: 22)
      let step = try Self.step(small, Self.settings(sharded: true), communicator)
      for index in 0..<3 { _ = try Self.run(step, index, communicator) }
      try saveCheckpoint(
        state, small.model.parameters, step.optimizer, model: small.model.config, tokenizer,
        in: CheckpointDirectory(root: root), communicator)
      return small.model.parameters.values.map(\.bitPattern)
    }[0]
    let url = CheckpointDirectory(root: root).url(step: 3)
    let sharded = try Self.resumed(url, into, sharded: true, saved)
    let whole = try Self.resumed(url, into, sharded: false, saved)
    #expect(sharded == whole)
  }

  private static func resumed(_ url: URL, _ worldSize: Int, sharded: Bool, _ saved: [UInt32]) throws
    -> [UInt32]
  {
    let outcomes = try ThreadedCommunicator.run(worldSize: worldSize) { communicator in
      let small = try SmallModel<Float>(seed: 23)
      let step = try step(small, settings(sharded: sharded), communicator)
      try RunCheckpoint.load(
        communicator.isLeader ? url : nil, into: small.model.parameters, step.optimizer, communicator)
      guard step.optimizer.step == 3, small.model.parameters.values.map(\.bitPattern) == saved else {
        throw KelipError("not what was saved")
      }
      for index in 3..<5 { _ = try run(step, index, communicator) }
      return small.model.parameters.values.map(\.bitPattern)
    }
    guard outcomes.allSatisfy({ $0 == outcomes[0] }) else { throw KelipError("ranks differ") }
    return outcomes[0]
  }
}
