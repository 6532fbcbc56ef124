// Multi-head self-attention over packed sequences, a head at a time in cache: no score matrix in memory.
#pragma once
#include <stdint.h>

typedef struct {
  /// Sequence s is rows offsets[s] … offsets[s + 1] − 1.
  const int32_t *offsets;
  int64_t sequences;
  /// H heads of `size` each; the width is their product.
  int64_t heads, size;
  /// Row i sees rows 0…i of its sequence only.
  int causal;
} KelipAttention;

/// The two passes for one storage type. `void *` points at floats or at bfloat16 words.
typedef struct {
  /// Bytes that `forward` and `backward` need beside their operands, for the longest sequence.
  int64_t (*scratch)(int64_t longest, int64_t size);
  /// out[R, W] = softmax(Q Kᵀ / √d) V of qkv[R, 3·W] = (Q | K | V). `scratch` is aligned to 64 bytes.
  void (*forward)(const KelipAttention *shape, const void *qkv, void *out, void *scratch);
  /// dQKV[R, 3·W] of dOut[R, W]; probabilities are computed again from qkv.
  void (*backward)(const KelipAttention *shape, const void *dout, const void *qkv, void *dqkv, void *scratch);
} KelipAttentionTable;

extern const KelipAttentionTable kelip_attention_f32;
extern const KelipAttentionTable kelip_attention_bf16;
/// On the matrix unit, with probabilities and their gradients rounded to bfloat16; only where `kelip_matrix_unit`.
extern const KelipAttentionTable kelip_attention_bf16_tiles;
