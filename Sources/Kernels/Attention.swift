import Basics
import CKernels

#if canImport(Glibc)
  import Glibc
#endif

/// Multi-head self-attention over packed sequences: softmax(Q Kᵀ / √d) V for each sequence and head on its own.
///
/// Rows of all sequences lie end to end; sequence s is rows `offsets[s] ..< offsets[s + 1]`. `rows` may exceed the
/// last offset: the padding rows get zeros. A row of `qkv`[R, 3·W] is (Q | K | V), each W = H · d wide.
/// No score matrix is kept: backward recomputes it from `qkv`.
package struct AttentionShape: Sendable {
  package var rows: Int
  package var width: Int
  package var heads: Int
  /// Row i sees rows 0…i of its sequence only.
  package var causal: Bool

  package init(rows: Int, width: Int, heads: Int, causal: Bool) {
    precondition(width % heads == 0)
    (self.rows, self.width, self.heads, self.causal) = (rows, width, heads, causal)
  }

  /// Of the forward products Q Kᵀ and P V over the places that are seen; backward has twice as many.
  func flops(_ offsets: [Int32]) -> Double {
    zip(offsets, offsets.dropFirst()).reduce(0) { sum, ends in
      let length = Double(ends.1 - ends.0)
      return sum + 4 * Double(width) * (causal ? length * (length + 1) / 2 : length * length)
    }
  }

  var headWidth: Int { width / heads }
  var scale: Float { 1 / Float(headWidth).squareRoot() }
}

/// out[R, W] = attention of `qkv`[R, 3·W].
package func attentionForward<S: ComputeScalar>(
  _ qkv: UnsafePointer<S>, offsets: [Int32], shape: AttentionShape, into out: UnsafeMutablePointer<S>,
  arena: Arena
) {
  let span = Phase.attention.begin(flops: shape.flops(offsets))
  defer { span.end() }
  let width = shape.width
  forEachSequence(offsets) { start, length in
    arena.scratch {
      let inputs = asFloats(qkv + start * 3 * width, length * 3 * width, arena)
      let outputs = arena.allocate(Float.self, length * width)
      let scores = arena.allocate(Float.self, length * length)
      for head in 0..<shape.heads {
        let q = inputs + head * shape.headWidth
        probabilities(q, length, shape, into: scores)
        BLAS.multiply(
          .init(scores, rowLength: length), .init(q + 2 * width, rowLength: 3 * width),
          into: outputs + head * shape.headWidth, ldc: width,
          m: length, n: shape.headWidth, k: length)
      }
      kernelTable(S.self).from_float(outputs, out + start * width, Int64(length * width))
    }
  }
  zeroPadding(out, from: Int(offsets.last ?? 0), to: shape.rows, width)
}

/// dQKV[R, 3·W] from dOut[R, W] and the saved `qkv`.
package func attentionBackward<S: ComputeScalar>(
  _ dOut: UnsafePointer<S>, qkv: UnsafePointer<S>, offsets: [Int32], shape: AttentionShape,
  into dQKV: UnsafeMutablePointer<S>, arena: Arena
) {
  let span = Phase.attentionBackward.begin(flops: 2 * shape.flops(offsets))
  defer { span.end() }
  let width = shape.width
  forEachSequence(offsets) { start, length in
    arena.scratch {
      let inputs = asFloats(qkv + start * 3 * width, length * 3 * width, arena)
      let gradient = asFloats(dOut + start * width, length * width, arena)
      let result = arena.allocate(Float.self, length * 3 * width)
      let scores = arena.allocate(Float.self, length * length)
      let dScores = arena.allocate(Float.self, length * length)
      for head in 0..<shape.heads {
        let column = head * shape.headWidth
        backwardHead(
          inputs + column, gradient + column, length, shape, scores: scores, dScores: dScores,
          into: result + column)
      }
      kernelTable(S.self).from_float(result, dQKV + start * 3 * width, Int64(length * 3 * width))
    }
  }
  zeroPadding(dQKV, from: Int(offsets.last ?? 0), to: shape.rows, 3 * width)
}

/// One head of one sequence: P again from Q and K, then dV = Pᵀ dO, dP = dO Vᵀ, dS, dQ = dS K, dK = dSᵀ Q.
private func backwardHead(
  _ q: UnsafePointer<Float>, _ dOut: UnsafePointer<Float>, _ length: Int, _ shape: AttentionShape,
  scores: UnsafeMutablePointer<Float>, dScores: UnsafeMutablePointer<Float>,
  into dq: UnsafeMutablePointer<Float>
) {
  let width = shape.width
  let stride = 3 * width
  let headWidth = shape.headWidth
  probabilities(q, length, shape, into: scores)
  BLAS.multiply(
    .init(scores, rowLength: length, transposed: true), .init(dOut, rowLength: width), into: dq + 2 * width,
    ldc: stride,
    m: length, n: headWidth, k: length)
  BLAS.multiply(
    .init(dOut, rowLength: width), .init(q + 2 * width, rowLength: stride, transposed: true), into: dScores,
    ldc: length,
    m: length, n: length, k: headWidth)
  softmaxBackward(scores, dScores, rows: length, columns: length, scale: shape.scale)
  BLAS.multiply(
    .init(dScores, rowLength: length), .init(q + width, rowLength: stride), into: dq, ldc: stride, m: length,
    n: headWidth, k: length)
  BLAS.multiply(
    .init(dScores, rowLength: length, transposed: true), .init(q, rowLength: stride), into: dq + width,
    ldc: stride,
    m: length, n: headWidth, k: length)
}

/// scores[T, T] = softmax(q kᵀ / √d) of one head.
private func probabilities(
  _ q: UnsafePointer<Float>, _ length: Int, _ shape: AttentionShape, into scores: UnsafeMutablePointer<Float>
) {
  BLAS.multiply(
    .init(q, rowLength: 3 * shape.width),
    .init(q + shape.width, rowLength: 3 * shape.width, transposed: true),
    into: scores, ldc: length,
    m: length, n: length, k: shape.headWidth)
  softmaxRows(scores, rows: length, columns: length, scale: shape.scale, causal: shape.causal)
}

private func forEachSequence(_ offsets: [Int32], _ body: (_ start: Int, _ length: Int) -> Void) {
  for sequence in 0..<max(0, offsets.count - 1) where offsets[sequence + 1] > offsets[sequence] {
    body(Int(offsets[sequence]), Int(offsets[sequence + 1] - offsets[sequence]))
  }
}

/// The values as 32-bit floats: themselves on the fp32 path, a copy in scratch memory otherwise.
private func asFloats<S: ComputeScalar>(
  _ values: UnsafePointer<S>, _ count: Int, _ arena: Arena
) -> UnsafePointer<Float> {
  if S.precision == .fp32 { return UnsafeRawPointer(values).assumingMemoryBound(to: Float.self) }
  let copy = arena.allocate(Float.self, count)
  kernelTable(S.self).to_float(values, copy, Int64(count))
  return UnsafePointer(copy)
}

private func zeroPadding<S: ComputeScalar>(
  _ rows: UnsafeMutablePointer<S>, from first: Int, to end: Int, _ columns: Int
) {
  guard end > first else { return }
  memset(rows + first * columns, 0, (end - first) * columns * MemoryLayout<S>.stride)
}
