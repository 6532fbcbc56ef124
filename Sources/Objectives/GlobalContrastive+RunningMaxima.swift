import Basics
import Collectives
import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// The path for any range of logits, in 32 bits: a running maximum a row, and each side for itself. It is taken where
/// `ContrastiveTiles` cannot hold the sums, which takes a temperature below 0.0125 and a row whose best match points
/// away from it.
extension GlobalContrastive {
  func runningMaxima(_ batch: Batch, _ communicator: any Communicator, _ arena: Arena) throws
    -> ContrastiveResult
  {
    try arena.scratch {
      let (batchSize, embedDim) = (batch.size, batch.embedDim)
      let globalBatchSize = batchSize * communicator.worldSize
      let shape = Shape(rows: batchSize, columns: globalBatchSize, embedDim: embedDim, scale: batch.scale)
      var waiting = Stopwatch()
      let images = try side(batch.imageFeatures, shape, communicator, arena, &waiting)
      let texts = try side(batch.textFeatures, shape, communicator, arena, &waiting)
      logSumExp(images, over: texts, shape, arena)
      logSumExp(texts, over: images, shape, arena)
      try waiting.measure {
        try gather(images.lse, batchSize, into: images.allLSE, communicator)
        try gather(texts.lse, batchSize, into: texts.allLSE, communicator)
      }
      let matches = (0..<batchSize).map {
        dot(images.unit + $0 * embedDim, texts.unit + $0 * embedDim, count: embedDim)
      }
      var total = 0.0
      for (row, match) in matches.enumerated() {
        let match = Double(batch.scale) * match
        total += batch.note(Double(images.lse[row]) - match, Double(texts.lse[row]) - match, row)
      }
      let loss = try waiting.measure { try communicator.sum(total) / Double(2 * globalBatchSize) }
      let similarity = gradient(images, against: texts, shape, into: batch.dImageFeatures, arena)
      _ = gradient(texts, against: images, shape, into: batch.dTextFeatures, arena)
      let dLogitScale =
        Double(batch.scale) * (similarity - 2 * matches.reduce(0, +)) / Double(2 * globalBatchSize)
      return ContrastiveResult(loss: loss, dLogitScale: dLogitScale, communicationSeconds: waiting.seconds)
    }
  }

  /// One modality of this rank and of the whole world.
  private struct Side {
    /// Unit rows of this rank, [b, D], and their lengths before, [b].
    var unit: UnsafeMutablePointer<Float>
    var norms: UnsafeMutablePointer<Float>
    /// Unit rows of all ranks, [B, D].
    var all: UnsafeMutablePointer<Float>
    /// Log-sum-exp of each row's similarities over the other side, [b] and [B].
    var lse: UnsafeMutablePointer<Float>
    var allLSE: UnsafeMutablePointer<Float>
  }

  private struct Shape {
    var rows: Int
    var columns: Int
    var embedDim: Int
    var scale: Float
  }

  private func side(
    _ features: UnsafePointer<Float>, _ shape: Shape, _ communicator: any Communicator, _ arena: Arena,
    _ waiting: inout Stopwatch
  ) throws -> Side {
    let (rows, columns, dim) = (shape.rows, shape.columns, shape.embedDim)
    let side = Side(
      unit: arena.allocate(Float.self, rows * dim), norms: arena.allocate(Float.self, rows),
      all: arena.allocate(Float.self, columns * dim), lse: arena.allocate(Float.self, rows),
      allLSE: arena.allocate(Float.self, columns))
    l2NormaliseForward(features, into: side.unit, norms: side.norms, rows: rows, columns: dim)
    try waiting.measure { try gather(side.unit, rows * dim, into: side.all, communicator) }
    return side
  }

  /// Calls `body` with each tile of unit(side) · all(other)ᵀ, [tile rows, tile columns].
  private func forEachTile(
    _ side: Side, over other: Side, _ shape: Shape, _ arena: Arena,
    _ body: (_ scores: UnsafeMutablePointer<Float>, _ rows: Range<Int>, _ columns: Range<Int>) -> Void
  ) {
    arena.scratch {
      let scores = arena.allocate(Float.self, tileRows * tileColumns)
      let dim = shape.embedDim
      for firstRow in stride(from: 0, to: shape.rows, by: tileRows) {
        let rows = firstRow..<min(firstRow + tileRows, shape.rows)
        for firstColumn in stride(from: 0, to: shape.columns, by: tileColumns) {
          let columns = firstColumn..<min(firstColumn + tileColumns, shape.columns)
          matrixMultiply(
            side.unit + firstRow * dim, other.all + firstColumn * dim, transposeB: true, into: scores,
            m: rows.count, n: columns.count, k: dim)
          body(scores, rows, columns)
        }
      }
    }
  }

  private func logSumExp(_ side: Side, over other: Side, _ shape: Shape, _ arena: Arena) {
    arena.scratch {
      let maximum = arena.allocate(Float.self, shape.rows)
      let sum = arena.allocate(Double.self, shape.rows)
      maximum.update(repeating: -.greatestFiniteMagnitude, count: shape.rows)
      sum.update(repeating: 0, count: shape.rows)
      forEachTile(side, over: other, shape, arena) { scores, rows, columns in
        logSumExpTile(
          scores, rows: rows.count, columns: columns.count, scale: shape.scale,
          maximum: maximum + rows.lowerBound,
          sum: sum + rows.lowerBound)
      }
      for row in 0..<shape.rows { side.lse[row] = maximum[row] + Float(log(sum[row])) }
    }
  }

  /// dFeatures of one side; returns Σ over its tiles of (softmax over rows + softmax over columns) · similarity.
  ///
  /// With G = (P_row + P_column − 2 I) / 2B over similarities, dUnit = scale · G · all(other).
  private func gradient(
    _ side: Side, against other: Side, _ shape: Shape, into dFeatures: UnsafeMutablePointer<Float>,
    _ arena: Arena
  ) -> Double {
    let (dim, factor) = (shape.embedDim, shape.scale / Float(2 * shape.columns))
    var total = 0.0
    arena.scratch {
      let dUnit = arena.allocateZeroed(Float.self, shape.rows * dim)
      forEachTile(side, over: other, shape, arena) { scores, rows, columns in
        total += contrastiveTile(
          scores, rows: rows.count, columns: columns.count, scale: shape.scale,
          rowLSE: side.lse + rows.lowerBound,
          columnLSE: other.allLSE + columns.lowerBound)
        matrixMultiply(
          scores, other.all + columns.lowerBound * dim, into: dUnit + rows.lowerBound * dim, m: rows.count,
          n: dim,
          k: columns.count, alpha: factor, beta: 1)
      }
      subtractMatches(other, shape, factor: 2 * factor, from: dUnit)
      l2NormaliseBackward(
        dUnit, y: side.unit, norms: side.norms, into: dFeatures, rows: shape.rows, columns: dim)
    }
    return total
  }

  /// The −2 I of the gradient: row r's match is row r of this rank's other modality.
  private func subtractMatches(
    _ other: Side, _ shape: Shape, factor: Float, from dUnit: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<(shape.rows * shape.embedDim) { dUnit[i] -= factor * other.unit[i] }
  }
}
