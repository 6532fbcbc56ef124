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
  mapTable(S.self).attention_pool(
    q, k, v, probabilities, out, Int64(shape.batch), Int64(shape.tokens), Int64(shape.heads),
    Int64(shape.width / shape.heads))
}

/// dOut[B, W] → dQ[B, W], dK and dV[B·T, W].
package func attentionPoolBackward<S: ComputeScalar>(
  _ dOut: UnsafePointer<S>, q: UnsafePointer<S>, k: UnsafePointer<S>, v: UnsafePointer<S>,
  probabilities: UnsafePointer<Float>, _ shape: AttentionPoolShape, dQ: UnsafeMutablePointer<S>,
  dK: UnsafeMutablePointer<S>, dV: UnsafeMutablePointer<S>, arena: Arena
) {
  let span = Phase.attentionBackward.begin(flops: 2 * shape.flops)
  defer { span.end() }
  arena.scratch {
    let scratch = arena.allocate(Float.self, shape.tokens)
    mapTable(S.self).attention_pool_backward(
      dOut, q, k, v, probabilities, scratch, dQ, dK, dV, Int64(shape.batch), Int64(shape.tokens),
      Int64(shape.heads), Int64(shape.width / shape.heads))
  }
}

/// y[b, 0] = mean of x[b] + positions[0], y[b, 1 + i] = x[b, i] + positions[1 + i]: x[B, P, C] → y[B, 1 + P, C].
package func prependMeanForward<S: ComputeScalar>(
  _ x: UnsafePointer<S>, positions: UnsafePointer<Float>, into y: UnsafeMutablePointer<S>, batch: Int,
  places: Int,
  columns: Int
) {
  mapTable(S.self).prepend_mean(x, positions, y, Int64(batch), Int64(places), Int64(columns))
}

/// dY[B, 1 + P, C] → dX[B, P, C]; dPositions[1 + P, C] +=.
package func prependMeanBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, dPositions: UnsafeMutablePointer<Float>,
  batch: Int,
  places: Int, columns: Int
) {
  mapTable(S.self).prepend_mean_backward(dy, dx, dPositions, Int64(batch), Int64(places), Int64(columns))
}
