import Basics
import Checkpointing
import Foundation

/// Joins the parts of a folder into one file for other programs; memory is that of a part.
package struct FeatureExport {
  private let folder: FeatureFolder

  package init(_ folder: FeatureFolder) { self.folder = folder }

  /// Files that were written, and how many rows each matrix has.
  package struct Written: Equatable {
    package var paths: [String] = []
    package var rows: [String: Int] = [:]
  }

  /// `NAME.safetensors` with `image_features` and `text_features`, or `NAME-images.npy` and `NAME-texts.npy`; whose rows
  /// they are in `NAME-pairs.jsonl`, `NAME-pictures.jsonl` and `NAME-texts.jsonl`.
  ///
  /// - Parameter url: ends in `.safetensors` or `.npy`.
  package func write(to url: URL) throws -> Written {
    var written = Written()
    let matrices = [FeaturePart.images, FeaturePart.texts]
    for name in matrices { written.rows[name] = try count(name) }
    if url.pathExtension == "npy" {
      for (name, suffix) in zip(matrices, ["images", "texts"]) where written.rows[name]! > 0 {
        let place = beside(url, "\(suffix).npy")
        try replacing(place) { partial in
          let shape = [written.rows[name]!, folder.plan.dimension]
          let file = try NPYFile(partial, shape: shape)
          try forEachPart(name) { try file.append($0) }
          try file.finish()
        }
        written.paths.append(place.path)
      }
    } else {
      try replacing(url) { partial in
        let specs = matrices.map {
          TensorSpec($0, folder.plan.features.tensorType, [written.rows[$0]!, folder.plan.dimension])
        }
        let writer = try SafetensorsWriter(partial, tensors: specs)
        for name in matrices { try forEachPart(name) { try writer.append($0) } }
        try writer.finish()
      }
      written.paths.append(url.path)
    }
    written.paths += try writeRows(beside: url)
    return written
  }

  private func beside(_ url: URL, _ suffix: String) -> URL {
    let stem = url.deletingPathExtension().lastPathComponent
    return url.deletingLastPathComponent().appendingPathComponent("\(stem)-\(suffix)")
  }

  private func count(_ tensor: String) throws -> Int {
    var count = 0
    for part in folder.plan.parts where FeaturePart.tensors(part.kind).contains(tensor) {
      count += try folder.reader(part).tensor(named: tensor).shape[0]
    }
    return count
  }

  private func forEachPart(_ tensor: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    for part in folder.plan.parts where FeaturePart.tensors(part.kind).contains(tensor) {
      let reader = try folder.reader(part)
      try withExtendedLifetime(reader) { try body(try reader.tensor(named: tensor).bytes) }
    }
  }

  private func writeRows(beside url: URL) throws -> [String] {
    try folder.plan.sources.map { source in
      let place = beside(url, "\(source.kind.rawValue).jsonl")
      try replacing(place) { partial in
        let file = try OutputFile(partial)
        for part in folder.plan.parts where part.kind == source.kind {
          try file.write(try Data(contentsOf: part.rows(in: folder.url)))
        }
        try file.finish()
      }
      return place.path
    }
  }
}
