import Basics
import Collectives
import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// What a contrastive loss gives back to one rank.
package struct ContrastiveResult {
  /// The loss of the global batch: equal on every rank.
  package var loss: Double
  /// dL/d(logit scale, stored as log): this rank's share; the gradient all-reduce sums the shares.
  package var dLogitScale: Double
  /// Seconds spent waiting for the gathers.
  package var communicationSeconds: Double
}

/// CLIP's symmetric contrastive loss over the global batch (Radford et al. 2021, figure 3), exact for any number of
/// ranks N, without a B × B buffer anywhere: memory grows with B, not with its square.
///
/// With z = exp(logitScale) · cosine similarity of image i and text j, L = ½ (CE over texts + CE over images), the mean
/// over the B pairs. Each rank takes exp(z) of its own image rows in blocks, which gives its rows' sums and its part of
/// the texts' sums; with those of all ranks it takes the blocks again for the whole gradient of its own features: no
/// reduce-scatter. In bf16 the unit vectors and the probabilities are rounded to bfloat16, the sums are not.
package struct GlobalContrastive: Sendable {
  /// Rows and columns of a tile where the range of logits needs running maxima.
  package var tileRows: Int
  package var tileColumns: Int
  /// For tests: takes that path always.
  var needsRunningMaxima = false
  /// For tests: threads that share the passes, where they are not what the program was given.
  var workers: Int?

  package init(tileRows: Int = 256, tileColumns: Int = 1024) {
    precondition(tileRows > 0 && tileColumns > 0)
    (self.tileRows, self.tileColumns) = (tileRows, tileColumns)
  }

  /// The features of this rank and where their gradients go, [b, D] each.
  struct Batch {
    var imageFeatures: UnsafePointer<Float>
    var textFeatures: UnsafePointer<Float>
    var dImageFeatures: UnsafeMutablePointer<Float>
    var dTextFeatures: UnsafeMutablePointer<Float>
    var pairLosses: UnsafeMutablePointer<Double>?
    var size: Int
    var embedDim: Int
    /// exp(logitScale).
    var scale: Float

    /// The sum of a pair's two cross entropies, told to whom it concerns.
    func note(_ overTexts: Double, _ overImages: Double, _ row: Int) -> Double {
      pairLosses?[row] = (overTexts + overImages) / 2
      return overTexts + overImages
    }
  }

  /// The loss of the global batch and the gradients of this rank's features.
  ///
  /// - Parameters:
  ///   - imageFeatures, textFeatures: [b, D], b = B / N rows of this rank, not normalised.
  ///   - logitScale: the learned temperature, as log.
  ///   - precision: of the products. bf16 needs a matrix unit; a machine without one computes in 32 bits.
  ///   - dImageFeatures, dTextFeatures: [b, D], written.
  ///   - pairLosses: [b], written where given: ½ (CE over texts + CE over images) of each pair of this rank. Their mean
  ///     over all ranks is the loss.
  package func lossAndGradients(
    imageFeatures: UnsafePointer<Float>, textFeatures: UnsafePointer<Float>, batchSize: Int, embedDim: Int,
    logitScale: Float, precision: Precision = .fp32, dImageFeatures: UnsafeMutablePointer<Float>,
    dTextFeatures: UnsafeMutablePointer<Float>, pairLosses: UnsafeMutablePointer<Double>? = nil,
    communicator: any Communicator, arena: Arena
  ) throws -> ContrastiveResult {
    // The logits, and their gradient through each side.
    let span = Phase.loss.begin(
      flops: 6 * Double(batchSize * batchSize * communicator.worldSize) * Double(embedDim))
    defer { span.end() }
    let batch = Batch(
      imageFeatures: imageFeatures, textFeatures: textFeatures, dImageFeatures: dImageFeatures,
      dTextFeatures: dTextFeatures, pairLosses: pairLosses, size: batchSize, embedDim: embedDim,
      scale: expf(logitScale))
    let tiled =
      needsRunningMaxima
      ? nil
      : precision == .bf16 && ContrastiveTiles<BFloat16>.isUsable
        ? try tiled(BFloat16.self, batch, communicator, arena)
        : try tiled(Float.self, batch, communicator, arena)
    return try tiled ?? runningMaxima(batch, communicator, arena)
  }

  /// Everyone's `count` values, in rank order.
  func gather<T: BitwiseCopyable>(
    _ mine: UnsafeMutablePointer<T>, _ count: Int, into all: UnsafeMutablePointer<T>,
    _ communicator: any Communicator
  ) throws {
    try communicator.allGather(
      UnsafeBufferPointer(start: mine, count: count),
      into: UnsafeMutableBufferPointer(start: all, count: count * communicator.worldSize))
  }
}
