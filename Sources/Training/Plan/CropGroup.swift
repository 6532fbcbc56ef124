import Basics
import ShardStream
import Towers

/// A group of crops as a run draws it.
package struct CropGroup: Sendable, Equatable {
  /// Stands in the names of metrics.
  package let name: String
  /// The places of its crops in the loader's batches (`Batch.images(crop:)`).
  package let crops: Range<Int>
  /// How each of them is drawn.
  package let preparation: ImagePreparation

  /// Views of each picture.
  package var count: Int { crops.count }
  /// Side of the square that the tower gets.
  package var size: Int { preparation.size }

  /// - Parameters:
  ///   - imageSize: the model's, for groups that name no size.
  ///   - warmupSize: takes its place in groups that name no size of any kind.
  package static func groups(
    _ settings: [CropSettings], imageSize: Int, warmupSize: Int? = nil, normalization: Normalization = .clip
  ) -> [CropGroup] {
    var first = 0
    return settings.map { group in
      defer { first += group.count }
      let size = group.size ?? (group.resizeTo == nil ? warmupSize : nil) ?? imageSize
      return CropGroup(
        name: group.name, crops: first..<(first + group.count),
        preparation: group.augmentation.preparation(
          size: group.resizeTo ?? size, cropSize: group.resizeTo == nil ? nil : size,
          normalization: normalization))
    }
  }
}

extension CropGroup {
  /// Crops of the model's own size fit by themselves.
  func requireFit(_ tower: any ImageTowerConfig) throws {
    guard size == tower.imageSize || size % tower.gridStride == 0 else {
      throw KelipError(
        "crops of \(size) pixels do not fit the image tower's cells of \(tower.gridStride)",
        at: "augmentation.crops: \(name)", hint: "give a multiple of \(tower.gridStride)")
    }
  }
}

extension [CropGroup] {
  /// One a crop, in the loader's order.
  package var preparations: [ImagePreparation] {
    flatMap { [ImagePreparation](repeating: $0.preparation, count: $0.count) }
  }
}
