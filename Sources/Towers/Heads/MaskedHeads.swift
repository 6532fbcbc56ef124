import Kernels

/// What the joint masked objective predicts for a hidden token.
package enum MaskedTextLoss: String, CaseIterable, Sendable {
  /// The token's row of the embedding table, by L1.
  case l1
  /// The token itself, by cross-entropy over the vocabulary.
  case crossEntropy = "cross_entropy"
}

/// The two heads of the joint masked objective: parameters `masked.image_head.*` and `masked.text_head.*`.
package final class MaskedHeads<S: ComputeScalar> {
  /// A cell's row of the grid → its 3·s² pixels, in (channel, y, x) order.
  package let image: ReconstructionHead<S>
  /// A token's row → its embedding or its logits over the vocabulary.
  package let text: ReconstructionHead<S>
  /// s, in pixels.
  package let cellSize: Int
  package let textLoss: MaskedTextLoss

  package init(_ registry: ParameterRegistry, _ config: ModelConfig, textLoss: MaskedTextLoss) {
    (cellSize, self.textLoss) = (config.vision.gridStride, textLoss)
    image = ReconstructionHead(
      registry, name: "masked.image_head", width: config.vision.gridColumns,
      outputs: 3 * config.vision.gridStride * config.vision.gridStride)
    text = ReconstructionHead(
      registry, name: "masked.text_head", width: config.text.width,
      outputs: textLoss == .l1 ? config.text.width : config.text.vocabSize)
  }

  /// Re-reads the parameters into the compute path's copies; call after every change of them.
  package func refresh(training: Bool = true) {
    image.refresh(training: training)
    text.refresh(training: training)
  }
}
