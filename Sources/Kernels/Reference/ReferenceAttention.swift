#if canImport(Glibc)
  import Glibc
#endif

extension Reference {
  /// One head of one sequence of `qkv`[R, 3·W]: where its numbers lie.
  private struct Head {
    var start: Int
    var length: Int
    var width: Int
    /// First column of the head within Q, K or V.
    var column: Int
    var headWidth: Int

    func q(_ i: Int, _ d: Int) -> Int { (start + i) * 3 * width + column + d }
    func k(_ i: Int, _ d: Int) -> Int { q(i, d) + width }
    func v(_ i: Int, _ d: Int) -> Int { q(i, d) + 2 * width }
    func out(_ i: Int, _ d: Int) -> Int { (start + i) * width + column + d }
  }

  /// out = softmax(Q Kᵀ / √d) V for each sequence and head; rows beyond the last offset are 0.
  package static func attentionForward(
    _ qkv: [Double], offsets: [Int32], shape: AttentionShape
  ) -> [Double] {
    var out = [Double](repeating: 0, count: shape.rows * shape.width)
    for head in heads(offsets, shape) {
      let p = probabilities(qkv, head, causal: shape.causal)
      for i in 0..<head.length {
        for d in 0..<head.headWidth {
          for j in 0..<head.length { out[head.out(i, d)] += p[i * head.length + j] * qkv[head.v(j, d)] }
        }
      }
    }
    return out
  }

  /// dQKV: dV = Pᵀ dO, dP = dO Vᵀ, dS through the softmax, dQ = dS K, dK = dSᵀ Q.
  package static func attentionBackward(
    _ dOut: [Double], qkv: [Double], offsets: [Int32], shape: AttentionShape
  ) -> [Double] {
    var dQKV = [Double](repeating: 0, count: shape.rows * 3 * shape.width)
    for head in heads(offsets, shape) {
      let p = probabilities(qkv, head, causal: shape.causal)
      var dp = [Double](repeating: 0, count: p.count)
      forEachPair(head) { i, j, d in
        dQKV[head.v(j, d)] += p[i * head.length + j] * dOut[head.out(i, d)]
        dp[i * head.length + j] += dOut[head.out(i, d)] * qkv[head.v(j, d)]
      }
      let ds = softmaxBackward(
        p, dp, rows: head.length, columns: head.length, scale: 1 / Double(head.headWidth).squareRoot())
      forEachPair(head) { i, j, d in
        dQKV[head.q(i, d)] += ds[i * head.length + j] * qkv[head.k(j, d)]
        dQKV[head.k(j, d)] += ds[i * head.length + j] * qkv[head.q(i, d)]
      }
    }
    return dQKV
  }

  private static func heads(_ offsets: [Int32], _ shape: AttentionShape) -> [Head] {
    zip(offsets, offsets.dropFirst()).flatMap { start, end in
      (0..<shape.heads).map {
        Head(
          start: Int(start), length: Int(end - start), width: shape.width, column: $0 * shape.headWidth,
          headWidth: shape.headWidth)
      }
    }
  }

  private static func forEachPair(_ head: Head, _ body: (_ i: Int, _ j: Int, _ d: Int) -> Void) {
    for i in 0..<head.length { for j in 0..<head.length { for d in 0..<head.headWidth { body(i, j, d) } } }
  }

  private static func probabilities(_ qkv: [Double], _ head: Head, causal: Bool) -> [Double] {
    var scores = [Double](repeating: 0, count: head.length * head.length)
    forEachPair(head) { i, j, d in scores[i * head.length + j] += qkv[head.q(i, d)] * qkv[head.k(j, d)] }
    return softmaxRows(
      scores, rows: head.length, columns: head.length, scale: 1 / Double(head.headWidth).squareRoot(),
      causal: causal)
  }
}
