import Kernels
import Tokenization
import Towers

/// Encodes with towers of one precision, in memory of its own for activations.
package final class TowerEncoder<S: ComputeScalar>: FeatureEncoder {
  private let model: DualEncoder<S>
  private let tokenizer: any Tokenizer
  private let arena: Arena

  /// - Parameter model: refreshed.
  /// - Throws: when the address space for activations cannot be reserved.
  package init(_ model: DualEncoder<S>, _ tokenizer: any Tokenizer) throws {
    (self.model, self.tokenizer) = (model, tokenizer)
    arena = try Arena()
  }

  package var config: ModelConfig { model.config }
  package var logitScale: Float { model.logitScale.value.pointee }

  package func imageFeatures(_ pixels: [Float], count: Int) -> [Float] {
    precondition(pixels.count == count * 3 * config.vision.imageSize * config.vision.imageSize)
    return features(count) {
      try model.encodeImages(
        ImageBatch(pixels, count: count, size: config.vision.imageSize), into: $0,
        TowerPass(.inference, arena))
    }
  }

  package func textFeatures(_ captions: [String]) -> [Float] {
    var (ids, offsets) = ([Int32](), [Int32(0)])
    for caption in captions {
      ids += tokenizer.encodeCaption(caption, contextLength: config.text.contextLength)
      offsets.append(Int32(ids.count))
    }
    let packed = PackedCaptions(ids: ids, offsets: offsets)
    return features(captions.count) { try model.encodeTexts(packed, into: $0, TowerPass(.inference, arena)) }
  }

  private func features(_ count: Int, _ encode: (UnsafeMutablePointer<Float>) throws -> Void) -> [Float] {
    guard count > 0 else { return [] }
    return arena.scratch {
      [Float](unsafeUninitializedCapacity: count * config.embedDim) { buffer, filled in
        // Only sums over ranks can fail, and inference has none.
        try! encode(buffer.baseAddress!)
        filled = count * config.embedDim
      }
    }
  }
}
