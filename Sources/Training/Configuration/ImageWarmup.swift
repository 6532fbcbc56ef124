import Basics
import Configuration
import Towers

/// `augmentation.warmup_size` and `augmentation.warmup_steps`: the first steps of contrastive training see whole
/// pictures at fewer pixels (Li et al. 2023, CLIPA): a step costs less, since there are fewer patches, and the last part
/// of the run at full size makes up for it. Positions are interpolated as for crops of another size. A function of the
/// step alone, so that resuming goes on as if there had been no stop.
package struct ImageWarmup: Sendable, Equatable {
  /// Side of what crops that name no size of their own are resized to.
  package var size: Int
  /// Steps of the stage that see it.
  package var steps: Int

  package init(size: Int, steps: Int) { (self.size, self.steps) = (size, steps) }

  static func read(_ reader: ConfigReader) throws -> ImageWarmup? {
    let size = try reader.optionalInteger("augmentation.warmup_size", in: 1...4096)
    let steps = try reader.integer("augmentation.warmup_steps", default: 0, in: 0...Int.max)
    guard let size else {
      guard steps == 0 else {
        throw reader.fault(
          "augmentation.warmup_steps", "there is no size for them", hint: "give augmentation.warmup_size")
      }
      return nil
    }
    guard steps > 0 else {
      throw reader.fault(
        "augmentation.warmup_size", "no steps see it", hint: "give augmentation.warmup_steps, 1 or more")
    }
    return ImageWarmup(size: size, steps: steps)
  }

  func requireFit(_ tower: any ImageTowerConfig) throws {
    guard size <= tower.imageSize, size % tower.gridStride == 0 else {
      throw KelipError(
        "pictures of \(size) pixels do not fit the image tower of \(tower.imageSize) with cells of "
          + "\(tower.gridStride)",
        at: "augmentation.warmup_size", hint: "give a smaller multiple of \(tower.gridStride)")
    }
  }
}
