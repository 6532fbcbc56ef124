import Basics
import Collectives
import Kernels

/// The usual path: one pass of sums for both directions, one of gradients for each side.
extension GlobalContrastive {
  /// One modality of this rank and of the whole world.
  private struct Side<S: ComputeScalar> {
    let features: UnsafePointer<Float>
    let dFeatures: UnsafeMutablePointer<Float>
    /// Unit rows of this rank, [b, D], and their lengths before, [b].
    let unit: UnsafeMutablePointer<S>
    let norms: UnsafeMutablePointer<Float>
    /// Unit rows of all ranks, [B, D]: `unit` itself in a world of one.
    let all: UnsafeMutablePointer<S>
    /// Σ E of each row of all ranks over the other side, [B], and 1 / that.
    let sums: UnsafeMutablePointer<Double>
    let factors: UnsafeMutablePointer<Float>
  }

  /// nil where 32 bits cannot hold the range of logits; all ranks see the same sums and agree.
  func tiled<S: ComputeScalar>(
    _: S.Type, _ batch: Batch, _ communicator: any Communicator, _ arena: Arena
  ) throws -> ContrastiveResult? {
    try arena.scratch {
      let (first, columns) = (communicator.rank * batch.size, batch.size * communicator.worldSize)
      let tiles = ContrastiveTiles<S>(
        rows: batch.size, columns: columns, embedDim: batch.embedDim, scale: batch.scale,
        workers: workers ?? WorkerPool.workers,
        arena: arena)
      var waiting = Stopwatch()
      let images = try side(
        batch.imageFeatures, batch.dImageFeatures, tiles, batch, communicator, arena, &waiting)
      let texts = try side(
        batch.textFeatures, batch.dTextFeatures, tiles, batch, communicator, arena, &waiting)
      let perRow = arena.allocate(Double.self, batch.size)
      tiles.sums(
        images.unit, over: texts.all, rowSums: perRow, columnSums: texts.sums)
      try waiting.measure {
        try gather(perRow, batch.size, into: images.sums, communicator)
        try communicator.allReduceSum(UnsafeMutableBufferPointer(start: texts.sums, count: columns))
      }
      guard takeFactors(images, tiles, columns), takeFactors(texts, tiles, columns) else { return nil }
      tiles.rowDots(images.unit, texts.unit, into: perRow)
      var total = 0.0
      for row in 0..<batch.size {
        let match = Double(batch.scale) * perRow[row]
        let (overTexts, overImages) = (images.sums[first + row], texts.sums[first + row])
        total += batch.note(tiles.logSumExp(overTexts) - match, tiles.logSumExp(overImages) - match, row)
      }
      let loss = try waiting.measure { try communicator.sum(total) / Double(2 * columns) }
      gradient(texts, against: images, tiles, batch, first, perRow)
      gradient(images, against: texts, tiles, batch, first, perRow)
      let dLogitScale = (0..<batch.size).reduce(0) { $0 + perRow[$1] }
      return ContrastiveResult(loss: loss, dLogitScale: dLogitScale, communicationSeconds: waiting.seconds)
    }
  }

  private func side<S: ComputeScalar>(
    _ features: UnsafePointer<Float>, _ dFeatures: UnsafeMutablePointer<Float>, _ tiles: ContrastiveTiles<S>,
    _ batch: Batch, _ communicator: any Communicator, _ arena: Arena, _ waiting: inout Stopwatch
  ) throws -> Side<S> {
    let (rows, columns) = (batch.size, batch.size * communicator.worldSize)
    let unit = arena.allocate(S.self, rows * batch.embedDim)
    let isAlone = communicator.worldSize == 1
    let side = Side(
      features: features, dFeatures: dFeatures, unit: unit, norms: arena.allocate(Float.self, rows),
      all: isAlone ? unit : arena.allocate(S.self, columns * batch.embedDim),
      sums: arena.allocate(Double.self, columns), factors: arena.allocate(Float.self, columns))
    tiles.normalise(features, into: unit, norms: side.norms)
    if !isAlone {
      try waiting.measure { try gather(unit, rows * batch.embedDim, into: side.all, communicator) }
    }
    return side
  }

  /// The factors of a side; false where 32 bits cannot hold its sums.
  private func takeFactors<S: ComputeScalar>(_ side: Side<S>, _ tiles: ContrastiveTiles<S>, _ columns: Int)
    -> Bool
  {
    guard tiles.canRepresent(UnsafeBufferPointer(start: side.sums, count: columns)) else { return false }
    for row in 0..<columns { side.factors[row] = Float(1 / side.sums[row]) }
    return true
  }

  private func gradient<S: ComputeScalar>(
    _ side: Side<S>, against other: Side<S>, _ tiles: ContrastiveTiles<S>, _ batch: Batch, _ first: Int,
    _ scaleGradients: UnsafeMutablePointer<Double>
  ) {
    tiles.gradient(
      .init(
        unit: side.unit, features: side.features, norms: side.norms, match: first),
      over: other.all, rowFactors: side.factors + first, columnFactors: other.factors, into: side.dFeatures,
      scaleGradients: scaleGradients)
  }
}
