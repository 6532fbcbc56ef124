import Basics
import Checkpointing
import Foundation
import Kernels

/// Features of pairs, or of pictures and texts that are no pairs, as `kelip embed` writes them.
package struct Features: Sendable {
  /// N × D, row by row.
  package var images: [Float]
  package var texts: [Float]
  package var dimension: Int

  package init(images: [Float], texts: [Float], dimension: Int) {
    (self.images, self.texts, self.dimension) = (images, texts, dimension)
  }

  package var imageCount: Int { images.count / dimension }
  package var textCount: Int { texts.count / dimension }

  /// Reads `image_features` and `text_features`.
  package init(contentsOf url: URL) throws {
    let reader = try SafetensorsReader(url)
    func shape(_ name: String) throws -> [Int] {
      let shape = try reader.tensor(named: name).shape
      guard shape.count == 2, shape[1] > 0 else {
        throw KelipError("\(name) has shape \(shape), expected [count, dimensions]", at: url.path)
      }
      return shape
    }
    let (imageShape, textShape) = (try shape("image_features"), try shape("text_features"))
    guard imageShape[1] == textShape[1] else {
      throw KelipError("image features are \(imageShape), text features \(textShape)", at: url.path)
    }
    self.init(
      images: try reader.floats(named: "image_features"), texts: try reader.floats(named: "text_features"),
      dimension: imageShape[1])
  }

  package func write(to url: URL, metadata: [String: String] = [:]) throws {
    let tensors = [
      TensorSpec("image_features", .float32, [imageCount, dimension]),
      TensorSpec("text_features", .float32, [textCount, dimension]),
    ]
    let writer = try SafetensorsWriter(url, tensors: tensors, metadata: metadata)
    try writer.append(images)
    try writer.append(texts)
    try writer.finish()
  }

  /// Every row scaled to length 1.
  package func normalised() -> Features {
    Features(
      images: Self.unitRows(images, dimension), texts: Self.unitRows(texts, dimension), dimension: dimension)
  }

  private static func unitRows(_ rows: [Float], _ dimension: Int) -> [Float] {
    guard !rows.isEmpty else { return [] }
    let count = rows.count / dimension
    var norms = [Float](repeating: 0, count: count)
    return [Float](unsafeUninitializedCapacity: rows.count) { unit, filled in
      l2NormaliseForward(rows, into: unit.baseAddress!, norms: &norms, rows: count, columns: dimension)
      filled = rows.count
    }
  }

  /// Ranks pairs: row i of the images belongs to row i of the texts.
  package func retrieval() throws -> RetrievalReport {
    let unit = normalised()
    return try unit.withMatrices { try RetrievalReport(images: $0, texts: $1, scoreTile: Features.scoreTile) }
  }

  /// For each text the `k` best images, best first.
  package func bestImages(k: Int) -> [[RankedScore]] {
    normalised().withMatrices {
      TopK.search(queries: $1, candidates: $0, k: k, scoreTile: Features.scoreTile)
    }
  }

  /// For each text the rank of its own image among all, from 1.
  package func textRanks() -> [Int] {
    normalised().withMatrices { images, texts in
      RetrievalMetrics.ranks(
        queries: texts, queryIDs: Array(0..<textCount), candidates: images,
        candidateIDs: Array(0..<imageCount),
        scoreTile: Features.scoreTile)
    }
  }

  private func withMatrices<Result>(
    _ body: (_ images: FeatureMatrix, _ texts: FeatureMatrix) throws -> Result
  ) rethrows -> Result {
    try images.withUnsafeBufferPointer { images in
      try texts.withUnsafeBufferPointer { texts in
        try body(
          FeatureMatrix(images, count: imageCount, dimension: dimension),
          FeatureMatrix(texts, count: textCount, dimension: dimension))
      }
    }
  }

  /// Scores through OpenBLAS.
  private static func scoreTile(
    _ rows: FeatureMatrix, _ columns: FeatureMatrix, _ scores: UnsafeMutableBufferPointer<Float>
  ) {
    matrixMultiply(
      rows.values.baseAddress!, columns.values.baseAddress!, transposeB: true, into: scores.baseAddress!,
      m: rows.count, n: columns.count, k: rows.dimension)
  }
}
