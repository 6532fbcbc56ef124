import Basics
import Checkpointing
import Evaluation
import FeatureStore
import Foundation
import Kernels

/// Makes a `SearchIndex` out of a folder of features, in memory of a part and some bytes a row.
package struct IndexBuilder {
  private let features: FeatureFolder
  private let parts: [FeaturePart]

  /// - Throws: where the folder has no pictures.
  package init(_ features: FeatureFolder) throws {
    self.features = features
    parts = features.plan.parts.filter { $0.kind.hasPictures }
    guard !parts.isEmpty else { throw KelipError("holds no features of pictures", at: features.url.path) }
  }

  /// Writes the index; the folder appears whole or not at all. Of rows that show the same picture the first is taken.
  package func write(to folder: URL) throws {
    guard !FileManager.default.fileExists(atPath: folder.path) else {
      throw KelipError("is there already", at: folder.path, hint: "remove it, or choose another --out")
    }
    let partial = folder.deletingLastPathComponent()
      .appendingPathComponent(".\(folder.lastPathComponent).partial-\(getpid())")
    do {
      try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
      let chosen = try writeRows(to: partial.appendingPathComponent(SearchIndex.rowsName))
      try writeFeatures(chosen, to: partial.appendingPathComponent(SearchIndex.featuresName))
      try AtomicFile.synchronizeFolder(partial)
      try AtomicFile.move(partial, to: folder)
    } catch {
      try? FileManager.default.removeItem(at: partial)
      throw error
    }
  }

  private struct Chosen {
    /// Of each part how many rows it has, and the places of those that are taken.
    var parts: [(rowCount: Int, places: [Int])] = []
    /// Of each row taken where its line begins, and where the last one ends.
    var offsets: [Int64] = [0]
    var repeatedCount = 0
  }

  private func writeRows(to url: URL) throws -> Chosen {
    let file = try OutputFile(url)
    var (chosen, seen) = (Chosen(), Set<String>())
    for part in parts {
      let rows = try features.rows(part)
      var (places, text) = ([Int](), Data())
      for (place, row) in rows.enumerated() {
        guard row.picture.map({ seen.insert($0).inserted }) ?? true else {
          chosen.repeatedCount += 1
          continue
        }
        places.append(place)
        let line = row.line + [UInt8(ascii: "\n")]
        chosen.offsets.append(chosen.offsets.last! + Int64(line.count))
        text += line
      }
      chosen.parts.append((rows.count, places))
      try file.write(text)
    }
    try file.finish()
    return chosen
  }

  private func writeFeatures(_ chosen: Chosen, to url: URL) throws {
    let (count, dimension) = (chosen.offsets.count - 1, features.plan.dimension)
    guard count > 0 else { throw KelipError("not one picture could be read", at: features.url.path) }
    let facts = IndexFacts(
      weights: features.plan.weights, shards: features.plan.shards, repeatedCount: chosen.repeatedCount)
    let writer = try SafetensorsWriter(
      url,
      tensors: [
        TensorSpec(SearchIndex.offsets, .int64, [count + 1]),
        TensorSpec(FeaturePart.images, .bfloat16, [count, dimension]),
      ], metadata: [SearchIndex.factsKey: String(decoding: try JSONEncoder().encode(facts), as: UTF8.self)])
    try writer.append(chosen.offsets)
    for (part, taken) in zip(parts, chosen.parts) {
      let rows = try features.reader(part).floats(named: FeaturePart.images)
      guard rows.count == taken.rowCount * dimension else {
        throw KelipError(
          "the part \(part.name) has other numbers of rows and features", at: features.url.path)
      }
      let wanted = taken.places.flatMap { rows[$0 * dimension..<($0 + 1) * dimension] }
      let unit = Features(images: wanted, texts: [], dimension: dimension).normalised().images
      try writer.append(unit.map { BFloat16(rounding: $0) })
    }
    try writer.finish()
  }
}
