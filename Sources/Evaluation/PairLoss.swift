import Basics
import Collectives
import Kernels
import Objectives

/// The contrastive loss of pairs that are not trained on.
package enum PairLoss {
  /// The mean over groups of `batchSize` consecutive pairs, as training takes it over its global batches; what is left
  /// at the end belongs to no group. Where there are fewer pairs they are one group, with fewer pairs to tell apart.
  ///
  /// - Parameters:
  ///   - logitScale: as log.
  ///   - communicator: its ranks share the groups; all have the same features and get the same loss.
  package static func mean(
    _ features: Features, batchSize: Int, logitScale: Float, _ communicator: any Communicator
  ) throws -> Double {
    let size = min(batchSize, features.imageCount)
    precondition(size > 0 && features.textCount == features.imageCount)
    var losses = [Double](repeating: 0, count: features.imageCount / size)
    for group in communicator.share(of: losses.count) {
      losses[group] = try loss(features, group * size..<(group + 1) * size, logitScale)
    }
    try losses.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
    return losses.reduce(0, +) / Double(losses.count)
  }

  private static func loss(_ features: Features, _ pairs: Range<Int>, _ logitScale: Float) throws -> Double {
    try features.withMatrices { images, texts in
      var unused = (
        images: [Float](repeating: 0, count: pairs.count * features.dimension),
        texts: [Float](repeating: 0, count: pairs.count * features.dimension)
      )
      return try GlobalContrastive().lossAndGradients(
        imageFeatures: images.rows(pairs).values.baseAddress!,
        textFeatures: texts.rows(pairs).values.baseAddress!, batchSize: pairs.count,
        embedDim: features.dimension, logitScale: logitScale, dImageFeatures: &unused.images,
        dTextFeatures: &unused.texts, communicator: SoloCommunicator(), arena: Arena()
      ).loss
    }
  }
}
