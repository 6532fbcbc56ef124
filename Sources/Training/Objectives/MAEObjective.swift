import Basics
import Collectives
import Kernels
import ShardStream
import Towers

/// The stage of masked autoencoding: the image tower reconstructs the patches that it does not see.
///
/// Which patches those are depends on the run's seed, the step and the picture's slot in the global batch alone, and
/// the loss is the mean over the masked patches of the global batch: any number of ranks and any size of micro-batches
/// train the same.
package final class MAEObjective<S: ComputeScalar>: TrainObjective {
  package let model: MaskedAutoencoder<S>
  private let sampling: PatchSampling
  private let microBatchSize: Int?

  /// - Parameters:
  ///   - seed: the run's.
  ///   - microBatchSize: pictures that go through the model at once; nil for all.
  package init(model: MaskedAutoencoder<S>, seed: UInt64, microBatchSize: Int? = nil) {
    (self.model, self.microBatchSize) = (model, microBatchSize)
    sampling = PatchSampling(seed: seed, for: .maskedAutoencoding)
  }

  package var parameters: ParameterArena { model.parameters }

  package func refresh() { model.refresh() }

  package func constrain() {}

  package func accumulate(_ batch: TrainBatch, _ context: ObjectiveContext) throws -> ObjectiveResult {
    precondition(batch.crops.count == 1, "masked autoencoding takes one view of a picture")
    let count = batch.count
    var images = batch.crops[0].images
    images.keptPatches = KeptPatches(
      indices: sampling.kept(
        step: batch.step, slots: batch.firstSlot..<batch.firstSlot + count, of: model.patchCount,
        keep: model.keptCount), perImage: model.keptCount)
    let size = microBatchSize ?? count
    var loss = 0.0
    for start in stride(from: 0, to: count, by: size) {
      let end = min(start + size, count)
      loss += try model.accumulate(
        images.slice(start..<end), globalBatchSize: count * context.communicator.worldSize,
        arena: context.arena
      ) {
        if end == count { try context.gradientsReady($0) }
      }
    }
    var waiting = Stopwatch()
    try waiting.measure {
      try withUnsafeMutablePointer(to: &loss) {
        try context.communicator.allReduceSum(UnsafeMutableBufferPointer(start: $0, count: 1))
      }
    }
    return ObjectiveResult(
      loss: loss, terms: [("mae_loss", loss)], communicationSeconds: waiting.seconds)
  }
}

extension MAEObjective {
  /// As configured.
  convenience init(_ config: TrainConfig, _ model: ModelConfig) throws {
    guard let settings = config.mae else { preconditionFailure("a stage without its section") }
    self.init(
      model: try MaskedAutoencoder(model, settings.model(for: model), normalization: .clip),
      seed: config.seed, microBatchSize: config.microBatchSize)
  }
}

extension MaskedAutoencoder {
  /// - Parameter normalization: of the pictures that it gets.
  package convenience init(
    _ config: ModelConfig, _ mae: MAEConfig, normalization: Normalization, training: Bool = true
  ) throws {
    try self.init(
      config, mae, mean: (0..<3).map { normalization.mean[$0] }, std: (0..<3).map { normalization.std[$0] },
      training: training)
  }
}
