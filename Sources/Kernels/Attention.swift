import Basics
import CKernels

#if canImport(Glibc)
  import Glibc
#endif

/// Multi-head self-attention over packed sequences: softmax(Q Kᵀ / √d) V for each sequence and head on its own.
///
/// Rows of all sequences lie end to end; sequence s is rows `offsets[s] ..< offsets[s + 1]`. `rows` may exceed the
/// last offset: the padding rows get zeros. A row of `qkv`[R, 3·W] is (Q | K | V), each W = H · d wide.
/// Scores exist for 32 queries (on the way back: 128) of one head at a time, in cache; backward recomputes them from
/// `qkv`. Memory grows with the longest sequence, not with its square.
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
}

/// What computes attention of bfloat16 rows. Rows of 32-bit floats always take the vector unit.
package enum AttentionUnit: CaseIterable, Sendable {
  /// 32-bit arithmetic; the result alone is rounded.
  case vector
  /// AMX tiles: probabilities and the scores' gradients are rounded to bfloat16 too, sums are in 32 bits. Numbers
  /// below 2⁻¹²⁶ become 0.
  case matrix

  /// What this machine has.
  package static var best: Self { kelip_matrix_unit() != 0 ? .matrix : .vector }
}

/// out[R, W] = attention of `qkv`[R, 3·W].
package func attentionForward<S: ComputeScalar>(
  _ qkv: UnsafePointer<S>, offsets: [Int32], shape: AttentionShape, into out: UnsafeMutablePointer<S>,
  arena: Arena, unit: AttentionUnit = .best
) {
  let span = Phase.attention.begin(flops: shape.flops(offsets))
  defer { span.end() }
  forEachSequence(S.self, unit, offsets, shape, arena) { kernel, shape, scratch in
    kernel.forward(shape, qkv, out, scratch)
  }
  zeroPadding(out, from: Int(offsets.last ?? 0), to: shape.rows, shape.width)
}

/// dQKV[R, 3·W] from dOut[R, W] and the saved `qkv`.
package func attentionBackward<S: ComputeScalar>(
  _ dOut: UnsafePointer<S>, qkv: UnsafePointer<S>, offsets: [Int32], shape: AttentionShape,
  into dQKV: UnsafeMutablePointer<S>, arena: Arena, unit: AttentionUnit = .best
) {
  let span = Phase.attentionBackward.begin(flops: 2 * shape.flops(offsets))
  defer { span.end() }
  forEachSequence(S.self, unit, offsets, shape, arena) { kernel, shape, scratch in
    kernel.backward(shape, dOut, qkv, dQKV, scratch)
  }
  zeroPadding(dQKV, from: Int(offsets.last ?? 0), to: shape.rows, 3 * shape.width)
}

/// Runs `body` once for each sequence, with scratch memory of the thread's own.
private func forEachSequence<S: ComputeScalar>(
  _: S.Type, _ unit: AttentionUnit, _ offsets: [Int32], _ shape: AttentionShape, _ arena: Arena,
  _ body: (KelipAttentionTable, UnsafePointer<KelipAttention>, UnsafeMutableRawPointer) -> Void
) {
  let kernel = attentionTable(S.self, unit)
  let longest = offsets.indices.dropFirst().reduce(0) { max($0, offsets[$1] - offsets[$1 - 1]) }
  let scratchBytes = (Int(kernel.scratch(Int64(longest), Int64(shape.headWidth))) + 4095) & ~4095
  arena.scratch {
    let scratch = arena.allocate(UInt8.self, scratchBytes * WorkerPool.workers)
    offsets.withUnsafeBufferPointer { offsets in
      WorkerPool.forEach(max(0, offsets.count - 1)) { sequence, worker in
        let one = KelipAttention(
          offsets: offsets.baseAddress! + sequence, sequences: 1, heads: Int64(shape.heads),
          size: Int64(shape.headWidth), causal: shape.causal ? 1 : 0)
        withUnsafePointer(to: one) { body(kernel, $0, scratch + worker * scratchBytes) }
      }
    }
  }
}

private func attentionTable<S: ComputeScalar>(_: S.Type, _ unit: AttentionUnit) -> KelipAttentionTable {
  switch (S.precision, unit) {
  case (.fp32, _): kelip_attention_f32
  case (.bf16, .vector): kelip_attention_bf16
  case (.bf16, .matrix): kelip_attention_bf16_tiles
  }
}

private func zeroPadding<S: ComputeScalar>(
  _ rows: UnsafeMutablePointer<S>, from first: Int, to end: Int, _ columns: Int
) {
  guard end > first else { return }
  memset(rows + first * columns, 0, (end - first) * columns * MemoryLayout<S>.stride)
}
