import Basics
import Configuration
import Towers

/// `model.patch_dropout`: in contrastive training the image tower sees only a part of each picture's patches (Li et al.
/// 2023, FLIP). Each crop is drawn for itself, by seed, step and slot alone. Evaluation sees all.
package struct PatchDropout: Sendable {
  private let sampling: PatchSampling
  private let fraction: Double
  private let patchSize: Int

  /// - Parameter fraction: what is left out of a picture's patches; at least one stays.
  package init(fraction: Double, seed: UInt64, patchSize: Int) {
    precondition(fraction >= 0 && fraction < 1)
    (self.fraction, self.patchSize) = (fraction, patchSize)
    sampling = PatchSampling(seed: seed, for: .patchDropout)
  }

  /// The batch with the patches that are kept of every crop.
  package func callAsFunction(_ batch: TrainBatch) -> TrainBatch {
    var batch = batch
    let slots = batch.firstSlot..<batch.firstSlot + batch.count
    for number in batch.crops.indices {
      let images = batch.crops[number].images
      let patchCount = (images.height / patchSize) * (images.width / patchSize)
      let keep = PatchSampling.keptCount(of: patchCount, removing: fraction)
      batch.crops[number].images.keptPatches = KeptPatches(
        indices: sampling.kept(step: batch.step, slots: slots, crop: number, of: patchCount, keep: keep),
        perImage: keep)
    }
    return batch
  }
}

extension PatchDropout {
  static func readFraction(_ reader: ConfigReader) throws -> Double {
    try reader.number("model.patch_dropout", default: 0, in: 0...0.999)
  }

  /// Nil where nothing is dropped. Throws for a tower without patches.
  init?(_ config: TrainConfig, _ model: ModelConfig) throws {
    guard config.patchDropout > 0 else { return nil }
    guard let vision = model.vision as? VisionTransformerConfig else {
      throw KelipError(
        "only a vision transformer has patches to drop", at: "model.patch_dropout",
        hint: "leave it out, or take a model file with a vision transformer")
    }
    self.init(fraction: config.patchDropout, seed: config.seed, patchSize: vision.patchSize)
  }
}
