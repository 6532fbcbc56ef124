import Basics
import CKernels

/// CLIP's attention pooling: one query a picture looks at the picture's T rows, H heads of W / H each.
package struct AttentionPoolShape: Sendable {
  package var batch: Int
  /// T, the rows of a picture.
  package var tokens: Int
  package var width: Int
  package var heads: Int

  package init(batch: Int, tokens: Int, width: Int, heads: Int) {
    precondition(width % heads == 0)
    (self.batch, self.tokens, self.width, self.heads) = (batch, tokens, width, heads)
  }

  /// Of the two forward products; backward has twice as many.
  var flops: Double { 4 * Double(batch) * Double(tokens) * Double(width) }

  /// Elements of the saved probabilities, B·H·T.
  package var probabilityCount: Int { batch * heads * tokens }
}

/// out[B, W] = softmax(q Kᵀ / √d) V for each picture and head; q[B, W], k and v[B·T, W].
///
/// Saved for backward: q, k, v, `probabilities`[B, H, T].
package func attentionPoolForward<S: ComputeScalar>(
  q: UnsafePointer<S>, k: UnsafePointer<S>, v: UnsafePointer<S>, _ shape: AttentionPoolShape,
  probabilities: UnsafeMutablePointer<Float>, into out: UnsafeMutablePointer<S>
) {
  let span = Phase.attention.begin(flops: shape.flops)
  defer { span.end() }
  let table = mapTable(S.self)
  WorkerPool.shareRows(shape.batch, columns: shape.tokens * shape.width) { pictures in
    let first = pictures.lowerBound
    let (row, rows, p) = (
      first * shape.width, first * shape.tokens * shape.width, first * shape.heads * shape.tokens
    )
    table.attention_pool(
      q + row, k + rows, v + rows, probabilities + p, out + row, Int64(pictures.count), Int64(shape.tokens),
      Int64(shape.heads), Int64(shape.width / shape.heads))
  }
}

/// dOut[B, W] → dQ[B, W], dK and dV[B·T, W].
package func attentionPoolBackward<S: ComputeScalar>(
  _ dOut: UnsafePointer<S>, q: UnsafePointer<S>, k: UnsafePointer<S>, v: UnsafePointer<S>,
  probabilities: UnsafePointer<Float>, _ shape: AttentionPoolShape, dQ: UnsafeMutablePointer<S>,
  dK: UnsafeMutablePointer<S>, dV: UnsafeMutablePointer<S>, arena: Arena
) {
  let span = Phase.attentionBackward.begin(flops: 2 * shape.flops)
  defer { span.end() }
  let table = mapTable(S.self)
  arena.scratch {
    // Scratch for each picture: T floats, in cache lines of their own.
    let line = (shape.tokens + 15) / 16 * 16
    let scratch = arena.allocate(Float.self, shape.batch * line)
    WorkerPool.shareRows(shape.batch, columns: shape.tokens * shape.width) { pictures in
      let first = pictures.lowerBound
      let (row, rows, p) = (
        first * shape.width, first * shape.tokens * shape.width, first * shape.heads * shape.tokens
      )
      table.attention_pool_backward(
        dOut + row, q + row, k + rows, v + rows, probabilities + p, scratch + first * line, dQ + row,
        dK + rows, dV + rows, Int64(pictures.count), Int64(shape.tokens), Int64(shape.heads),
        Int64(shape.width / shape.heads))
    }
  }
}

/// y[b, 0] = mean of x[b] + positions[0], y[b, 1 + i] = x[b, i] + positions[1 + i]: x[B, P, C] → y[B, 1 + P, C].
package func prependMeanForward<S: ComputeScalar>(
  _ x: UnsafePointer<S>, positions: UnsafePointer<Float>, into y: UnsafeMutablePointer<S>, batch: Int,
  places: Int,
  columns: Int
) {
  let table = mapTable(S.self)
  WorkerPool.shareRows(batch, columns: places * columns) { pictures in
    let first = pictures.lowerBound * columns
    table.prepend_mean(
      x + first * places, positions, y + first * (places + 1), Int64(pictures.count), Int64(places),
      Int64(columns))
  }
}

/// dY[B, 1 + P, C] → dX[B, P, C]; dPositions[1 + P, C] +=.
package func prependMeanBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, dPositions: UnsafeMutablePointer<Float>,
  batch: Int,
  places: Int, columns: Int
) {
  let table = mapTable(S.self)
  WorkerPool.shareRows(batch, columns: places * columns) { pictures in
    let first = pictures.lowerBound * columns
    table.prepend_mean_backward(
      dy + first * (places + 1), dx + first * places, Int64(pictures.count), Int64(places), Int64(columns))
  }
  let count = (places + 1) * columns
  WorkerPool.shareRows(count, columns: batch) { range in
    table.add_positions(
      dy, dPositions, Int64(batch), Int64(count), Int64(range.lowerBound), Int64(range.upperBound))
  }
}
