import Basics
import Foundation
import Kernels

/// What a folder of features holds: `features.json`, written before the first part.
package struct FeaturePlan: Codable, Equatable, Sendable {
  package struct Source: Codable, Equatable, Sendable {
    package var kind: SourceKind
    package var count: Int
    package var identity: String
  }

  package var format = 1
  package var sources: [Source]
  /// Of the file with the model's weights: 128 bits of XXH3.
  package var weights: String
  package var dimension: Int
  /// What the towers computed in.
  package var precision: Precision
  /// What features are stored as.
  package var features: Precision
  package var isNormalised: Bool
  package var partSize: Int
  /// Absolute; where pictures can be looked up.
  package var shards: [String]

  package init(
    sources: [any FeatureSource], weights: String, dimension: Int, precision: Precision, features: Precision,
    isNormalised: Bool, shards: [String], partSize: Int = 4096
  ) {
    self.sources = sources.map { Source(kind: $0.kind, count: $0.count, identity: $0.identity) }
    (self.weights, self.dimension, self.precision) = (weights, dimension, precision)
    (self.features, self.isNormalised) = (features, isNormalised)
    (self.shards, self.partSize) = (shards, partSize)
  }

  package static let fileName = "features.json"

  package init(folder: URL) throws {
    let url = folder.appendingPathComponent(Self.fileName)
    do {
      self = try JSONDecoder().decode(FeaturePlan.self, from: Data(contentsOf: url))
    } catch {
      throw KelipError(
        "is no folder of features: \(error.localizedDescription)", at: url.path,
        hint: "kelip embed --data SHARDS --out FOLDER makes one")
    }
    guard format == 1, partSize > 0, dimension > 0 else {
      throw KelipError("has format \(format); this program knows 1", at: url.path)
    }
  }

  /// In the folder's order.
  package var parts: [FeaturePart] {
    sources.flatMap { source in
      stride(from: 0, to: source.count, by: partSize).map { start in
        FeaturePart(
          kind: source.kind, number: start / partSize, items: start..<min(start + partSize, source.count))
      }
    }
  }

  /// Writes the plan, or sees that the folder was begun with the same one.
  package func begin(in folder: URL) throws {
    let url = folder.appendingPathComponent(Self.fileName)
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw KelipError("cannot be created: \(error.localizedDescription)", at: folder.path)
    }
    guard FileManager.default.fileExists(atPath: url.path) else {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      return try AtomicFile.write(try encoder.encode(self), to: url)
    }
    let begun = try FeaturePlan(folder: folder)
    guard begun == self else {
      throw KelipError(
        "was begun with other \(differences(from: begun).joined(separator: ", "))", at: folder.path,
        hint: "go on with the same options, or remove the folder, or choose another")
    }
  }

  private func differences(from other: FeaturePlan) -> [String] {
    [
      ("input", sources == other.sources && shards == other.shards), ("weights", weights == other.weights),
      ("dimensions", dimension == other.dimension), ("precision", precision == other.precision),
      ("type of features", features == other.features), ("scaling", isNormalised == other.isNormalised),
      ("part size", partSize == other.partSize),
    ].filter { !$0.1 }.map(\.0)
  }
}
