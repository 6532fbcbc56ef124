extension Reference {
  /// out = softmax(q Kᵀ / √d) V for each picture and head, with the probabilities [B, H, T].
  package static func attentionPoolForward(
    q: [Double], k: [Double], v: [Double], _ shape: AttentionPoolShape
  ) -> (out: [Double], probabilities: [Double]) {
    var out = [Double](repeating: 0, count: q.count)
    var scores = [Double](repeating: 0, count: shape.probabilityCount)
    forEachCell(shape) { query, row, p in scores[p] += q[query] * k[row] }
    let probabilities = softmaxRows(
      scores, rows: shape.batch * shape.heads, columns: shape.tokens, scale: scale(shape), causal: false)
    forEachCell(shape) { query, row, p in out[query] += probabilities[p] * v[row] }
    return (out, probabilities)
  }

  /// dV = p dOut, dp = dOut Vᵀ, ds through the softmax, dq = ds K, dK = ds q.
  package static func attentionPoolBackward(
    _ dOut: [Double], q: [Double], k: [Double], v: [Double], probabilities: [Double],
    _ shape: AttentionPoolShape
  ) -> (dQ: [Double], dK: [Double], dV: [Double]) {
    var (dQ, dK, dV) = (q.map { _ in 0.0 }, k.map { _ in 0.0 }, v.map { _ in 0.0 })
    var dp = [Double](repeating: 0, count: probabilities.count)
    forEachCell(shape) { query, row, p in
      dV[row] += probabilities[p] * dOut[query]
      dp[p] += dOut[query] * v[row]
    }
    let ds = softmaxBackward(
      probabilities, dp, rows: shape.batch * shape.heads, columns: shape.tokens, scale: scale(shape))
    forEachCell(shape) { query, row, p in
      dQ[query] += ds[p] * k[row]
      dK[row] += ds[p] * q[query]
    }
    return (dQ, dK, dV)
  }

  private static func scale(_ shape: AttentionPoolShape) -> Double {
    1 / Double(shape.width / shape.heads).squareRoot()
  }

  /// Visits every (element of q, element of k and v, probability) that belong together.
  private static func forEachCell(
    _ shape: AttentionPoolShape, _ body: (_ query: Int, _ row: Int, _ probability: Int) -> Void
  ) {
    let size = shape.width / shape.heads
    for b in 0..<shape.batch {
      for t in 0..<shape.tokens {
        for column in 0..<shape.width {
          body(
            b * shape.width + column, (b * shape.tokens + t) * shape.width + column,
            (b * shape.heads + column / size) * shape.tokens + t)
        }
      }
    }
  }

  /// The mean of each picture's rows before them, plus positions: x[B, P, C] → y[B, 1 + P, C].
  package static func prependMeanForward(
    _ x: [Double], positions: [Double], batch: Int, places: Int, columns: Int
  ) -> [Double] {
    var y: [Double] = []
    for b in 0..<batch {
      let rows = Array(x[b * places * columns..<(b + 1) * places * columns])
      let mean = batchMoments(rows, rows: places, columns: columns).mean
      y += zip(mean + rows, positions).map(+)
    }
    return y
  }

  package static func prependMeanBackward(
    _ dy: [Double], batch: Int, places: Int, columns: Int
  ) -> (dX: [Double], dPositions: [Double]) {
    var dPositions = [Double](repeating: 0, count: (places + 1) * columns)
    var dX: [Double] = []
    for b in 0..<batch {
      let rows = Array(dy[b * dPositions.count..<(b + 1) * dPositions.count])
      dPositions = zip(dPositions, rows).map(+)
      dX += rows.indices.dropFirst(columns).map { rows[$0] + rows[$0 % columns] / Double(places) }
    }
    return (dX, dPositions)
  }
}
