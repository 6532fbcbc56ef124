import Basics
import Collectives
import Kernels
import Objectives

/// Times the global contrastive loss with its gradients on random features.
package struct LossBenchmark: Sendable {
  /// Pairs of the global batch.
  package var globalBatchSize: Int
  package var embedDim: Int
  package var precision: Precision
  package var repetitions: Int

  package init(globalBatchSize: Int, embedDim: Int, precision: Precision, repetitions: Int) throws {
    guard globalBatchSize > 0, embedDim > 0, repetitions > 0 else {
      throw KelipError("--batch, --dim and --repetitions must be at least 1")
    }
    (self.globalBatchSize, self.embedDim) = (globalBatchSize, embedDim)
    (self.precision, self.repetitions) = (precision, repetitions)
  }

  package struct Result: Sendable {
    package var worldSize: Int
    /// Median over the repetitions of the slowest rank.
    package var seconds: Double
    package var communicationSeconds: Double
    package var loss: Double
    /// Of the features and their gradients, a rank.
    package var featureBytes: Int
    /// What the loss needs besides, a rank.
    package var extraBytes: Int
    /// The process's peak beyond what it had before the loss, features and gradients left out.
    package var extraResidentBytes: Int
  }

  package func run(_ communicator: any Communicator) throws -> Result {
    guard globalBatchSize % communicator.worldSize == 0 else {
      throw KelipError(
        "--batch \(globalBatchSize) does not divide by \(communicator.worldSize) ranks",
        hint: "it is the global batch")
    }
    let rows = globalBatchSize / communicator.worldSize
    let arena = try Arena()
    let inputs = features(rows: rows, rank: communicator.rank)
    defer { inputs.deallocate() }
    let before = peakResidentBytes()
    var results: [(seconds: Double, loss: ContrastiveResult)] = []
    for _ in 0..<repetitions {
      try communicator.barrier()
      let start = monotonicSeconds()
      let loss = try once(inputs, rows: rows, communicator, arena)
      results.append((try communicator.max(monotonicSeconds() - start), loss))
    }
    let median = results.sorted { $0.seconds < $1.seconds }[results.count / 2]
    return Result(
      worldSize: communicator.worldSize, seconds: median.seconds,
      communicationSeconds: try communicator.max(median.loss.communicationSeconds), loss: median.loss.loss,
      featureBytes: inputs.count * MemoryLayout<Float>.stride, extraBytes: arena.peakBytes,
      extraResidentBytes: peakResidentBytes() - before)
  }

  private func once(
    _ inputs: UnsafeMutableBufferPointer<Float>, rows: Int, _ communicator: any Communicator, _ arena: Arena
  ) throws -> ContrastiveResult {
    let (base, count) = (inputs.baseAddress!, rows * embedDim)
    return try GlobalContrastive().lossAndGradients(
      imageFeatures: base, textFeatures: base + count, batchSize: rows, embedDim: embedDim,
      logitScale: 2.66, precision: precision, dImageFeatures: base + 2 * count,
      dTextFeatures: base + 3 * count, communicator: communicator, arena: arena)
  }

  /// Both sides' features, normally distributed, and room for their gradients, which is touched so that it counts.
  private func features(rows: Int, rank: Int) -> UnsafeMutableBufferPointer<Float> {
    let inputs = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4 * rows * embedDim)
    inputs.initialize(repeating: 0)
    var generator = SeededGenerator(seed: Hashing.combine(11, UInt64(rank)))
    generator.fillNormal(UnsafeMutableBufferPointer(rebasing: inputs[..<(inputs.count / 2)]), std: 1)
    return inputs
  }
}
