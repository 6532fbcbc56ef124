import Basics
import Checkpointing
import Collectives
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
  package consuming func normalised() -> Features {
    Self.scaleToUnit(&images, dimension)
    Self.scaleToUnit(&texts, dimension)
    return self
  }

  /// Every text's row scaled to length 1; the images stay as they are.
  package consuming func normalisedTexts() -> Features {
    Self.scaleToUnit(&texts, dimension)
    return self
  }

  private static func scaleToUnit(_ rows: inout [Float], _ dimension: Int) {
    let count = rows.count / dimension
    guard count > 0 else { return }
    var norms = [Float](repeating: 0, count: count)
    rows.withUnsafeMutableBufferPointer {
      l2NormaliseForward(
        $0.baseAddress!, into: $0.baseAddress!, norms: &norms, rows: count, columns: dimension)
    }
  }

  /// Ranks pairs: row i of the images belongs to row i of the texts. Rows are of length 1.
  ///
  /// - Parameter communicator: its ranks share the work; all have the same features.
  package func retrieval(
    _ communicator: any Communicator = SoloCommunicator()
  ) throws -> RetrievalReport {
    try withMatrices {
      try RetrievalReport(
        images: $0, texts: $1, scoreTile: Features.scoreTile, communicator: communicator)
    }
  }

  /// For each image the rank of its own text among all, and for each text that of its image. Rows are of length 1.
  package func ranks(
    _ communicator: any Communicator = SoloCommunicator()
  ) throws -> (imageToText: [Int], textToImage: [Int]) {
    try withMatrices { images, texts in
      let ranks = try PairRanks(
        pictures: images, texts: texts, pictureOfText: Array(0..<textCount), scoreTile: Features.scoreTile,
        communicator)
      return (imageToText: ranks.ofPictures, textToImage: ranks.ofTexts)
    }
  }

  /// For each text the `k` best images, best first. Rows are of length 1.
  package func bestImages(k: Int) -> [[RankedScore]] {
    withMatrices { TopK.search(queries: $1, candidates: $0, k: k, scoreTile: Features.scoreTile) }
  }

  /// Ranks pictures against any number of texts each. Rows are of length 1.
  ///
  /// - Parameter pictureOfText: of each text the row of its picture; every picture has one.
  package func retrieval(
    pictureOfText: [Int], _ communicator: any Communicator = SoloCommunicator()
  ) throws -> RetrievalReport {
    try withMatrices {
      try RetrievalReport(
        pictures: $0, pictureIDs: Array(0..<imageCount), texts: $1, textIDs: pictureOfText,
        scoreTile: Features.scoreTile, communicator: communicator)
    }
  }

  /// What the text of a row finds. Rows are of length 1.
  ///
  /// - Returns: the `k` best images, best first, and the rank of its own image among all, from 1.
  package func imagesFound(byText row: Int, k: Int) -> (best: [RankedScore], rank: Int) {
    withMatrices { images, texts in
      var found: (best: [RankedScore], rank: Int) = ([], 0)
      let query = texts.rows(row..<row + 1)
      ScoreTiles.forEachRow(of: query, against: images, scoreTile: Features.scoreTile) { _, scores in
        let own = RankedScore(index: row, score: scores[row])
        let ahead = RetrievalMetrics.nonMatchesAhead(
          of: own, id: row, scores: scores, candidateIDs: Array(0..<imageCount))
        found = (TopK.best(of: scores, k: k), 1 + ahead)
      }
      return found
    }
  }

  /// The rows of all ranks, in their order; memory is twice theirs for a moment.
  package func gathered(_ communicator: any Communicator) throws -> Features {
    Features(
      images: try Self.gather(images, communicator), texts: try Self.gather(texts, communicator),
      dimension: dimension)
  }

  private static func gather(_ mine: [Float], _ communicator: any Communicator) throws -> [Float] {
    guard communicator.worldSize > 1 else { return mine }
    let counts = try communicator.allGather(mine.count)
    let longest = counts.max()!
    let padded = mine + [Float](repeating: 0, count: longest - mine.count)
    var all = [Float](repeating: 0, count: longest * counts.count)
    try padded.withUnsafeBytes { mine in
      try all.withUnsafeMutableBytes { try communicator.allGatherRaw(mine, into: $0) }
    }
    return counts.enumerated().flatMap { rank, count in all[rank * longest..<rank * longest + count] }
  }

  func withMatrices<Result>(
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

  private static func scoreTile(
    _ rows: FeatureMatrix, _ columns: FeatureMatrix, _ scores: UnsafeMutableBufferPointer<Float>
  ) {
    dotProducts(
      rows.values.baseAddress!, columns.values.baseAddress!, into: scores.baseAddress!, rows: rows.count,
      columns: columns.count, dimension: rows.dimension)
  }
}
