import Basics
import Checkpointing
import Foundation

/// Features of consecutive items: `pairs-00012.safetensors`, and `pairs-00012.jsonl` with a `FeatureRow` a line. The rows
/// are written first: a part is whole when its features are there.
package struct FeaturePart: Equatable, Sendable {
  package let kind: SourceKind
  package let number: Int
  /// Of the source.
  package let items: Range<Int>

  package var name: String { "\(kind.rawValue)-\(number.padded(to: 5))" }

  package func features(in folder: URL) -> URL { folder.appendingPathComponent("\(name).safetensors") }
  package func rows(in folder: URL) -> URL { folder.appendingPathComponent("\(name).jsonl") }

  package func isWhole(in folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: features(in: folder).path)
  }

  package static let images = "image_features"
  package static let texts = "text_features"

  /// Names of the tensors that a source of this kind has, in a file's order.
  package static func tensors(_ kind: SourceKind) -> [String] {
    (kind.hasPictures ? [images] : []) + (kind.hasTexts ? [texts] : [])
  }

  /// What was left out of a part, by reason.
  package static func leftOut(_ reader: SafetensorsReader) -> [String: Int] {
    let text = reader.metadata["left_out"] ?? "{}"
    return (try? JSONDecoder().decode([String: Int].self, from: Data(text.utf8))) ?? [:]
  }

  /// - Parameter features: a matrix of `rows.count` rows for each of `tensors(kind)`.
  func write(
    _ features: [[Float]], rows: [FeatureRow], leftOut: [String: Int], _ plan: FeaturePlan, in folder: URL
  ) throws {
    var lines = Data()
    for row in rows { lines += row.line + [UInt8(ascii: "\n")] }
    try AtomicFile.write(lines, to: self.rows(in: folder))
    let specs = Self.tensors(kind).map {
      TensorSpec($0, plan.features.tensorType, [rows.count, plan.dimension])
    }
    let reasons = JSONText.object(
      leftOut.sorted { $0.key < $1.key }.map { ($0.key, JSONText.integer($0.value)) })
    try replacing(self.features(in: folder)) { partial in
      let writer = try SafetensorsWriter(partial, tensors: specs, metadata: ["left_out": reasons.text])
      for matrix in features { try plan.features.append(matrix, to: writer) }
      try writer.finish()
    }
  }
}
