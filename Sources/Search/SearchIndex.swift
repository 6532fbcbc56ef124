import Basics
import Checkpointing
import Evaluation
import FeatureStore
import Foundation
import Kernels

/// Unit features of pictures, to be looked up by features of texts or pictures: every row is scored, nothing is
/// approximated but the rows' rounding to bfloat16.
///
/// A folder: `index.safetensors` with `row_offsets` (I64, N + 1) and `image_features` (BF16, N × D), and `rows.jsonl`, whose
/// line of row i begins at `row_offsets[i]`.
package final class SearchIndex: Sendable {
  package let facts: IndexFacts
  /// N
  package let count: Int
  /// D
  package let dimension: Int
  private let file: SafetensorsReader
  private let rows: MappedFile

  static let featuresName = "index.safetensors"
  static let rowsName = "rows.jsonl"
  static let offsets = "row_offsets"
  static let factsKey = "index"

  package init(_ folder: URL) throws {
    let url = folder.appendingPathComponent(Self.featuresName)
    file = try SafetensorsReader(url)
    rows = try MappedFile(folder.appendingPathComponent(Self.rowsName))
    guard let text = file.metadata[Self.factsKey],
      let facts = try? JSONDecoder().decode(IndexFacts.self, from: Data(text.utf8)), facts.format == 1
    else { throw KelipError("is no index of kelip index", at: url.path) }
    self.facts = facts
    let features = try file.tensor(named: FeaturePart.images)
    let offsets = try file.tensor(named: Self.offsets)
    guard features.type == .bfloat16, features.shape.count == 2, features.shape[0] > 0, features.shape[1] > 0,
      offsets.type == .int64, offsets.shape == [features.shape[0] + 1]
    else {
      throw KelipError("image_features are \(features.type.rawValue) \(features.shape)", at: url.path)
    }
    (count, dimension) = (features.shape[0], features.shape[1])
    guard try offset(count) == rows.bytes.count else {
      throw KelipError(
        "\(rows.bytes.count) bytes of rows, the index counts \(try offset(count))", at: folder.path,
        hint: "the two files are not of the same kelip index")
    }
  }

  /// The rows most like a query, best first; of equal scores the smaller row comes first.
  ///
  /// - Parameter query: [D], of any length but 0.
  package func best(_ query: [Float], k: Int) throws -> [RankedScore] {
    precondition(query.count == dimension)
    let unit = Features(images: query, texts: [], dimension: dimension).normalised().images
    let features = try file.tensor(named: FeaturePart.images).bytes
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { scores in
      scoreRows(
        features.baseAddress!, query: unit, into: scores.baseAddress!, rows: count, columns: dimension)
      return TopK.best(of: UnsafeBufferPointer(scores), k: k)
    }
  }

  /// A row's features, of length 1 but for their rounding.
  package func features(_ row: Int) throws -> [Float] {
    let bytes = try file.tensor(named: FeaturePart.images).bytes
    return (0..<dimension).map {
      let place = 2 * (row * dimension + $0)
      return BFloat16(bits: bytes.loadUnaligned(fromByteOffset: place, as: UInt16.self)).float
    }
  }

  package func row(_ row: Int) throws -> FeatureRow {
    precondition((0..<count).contains(row))
    let (start, end) = (try offset(row), try offset(row + 1))
    guard 0 <= start, start <= end, end <= rows.bytes.count else {
      throw KelipError("row \(row) is not in \(Self.rowsName): the index is damaged", at: file.url.path)
    }
    do {
      return try JSONDecoder().decode(FeatureRow.self, from: Data(rows.bytes[start..<end]))
    } catch {
      throw KelipError(
        "row \(row) of \(Self.rowsName) cannot be read: the index is damaged", at: file.url.path)
    }
  }

  private func offset(_ row: Int) throws -> Int {
    let bytes = try file.tensor(named: Self.offsets).bytes
    return Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * row, as: Int64.self)))
  }
}
