// bfloat16 matrix products on the tiles of Intel's AMX, with 32-bit sums and what follows a product done while its
// result is still in cache.
//
// What oneDNN offers stays the path of every other machine. Where this one is present it replaces it, since it can
// share one weight layout between all row counts and needs neither a pass for activations nor one for biases.
#pragma once
#include <stdint.h>

/// 1 where this machine has AMX with bf16, the kernel lets this process use it, and KELIP_MATRIX_UNIT is not "off".
/// Asks once.
int kelip_matrix_unit(void);
/// Loads the configuration of eight tiles of 16 rows × 64 bytes in this thread. Call at the start of each function that
/// uses tiles: oneDNN loads its own.
void kelip_matrix_unit_begin(void);

/// Elements (bf16) of a packed right operand B[K, N]: panels of 32 columns; in a panel, for each 32 of K, two tiles of
/// 16 pairs of k × 16 columns. K and N are padded with zeros to multiples of 32.
int64_t kelip_packed_count(int64_t k, int64_t n);
/// Packs B[K, N] from rows [K, N], or from [N, K] if `transposed`; rows lie `stride` elements apart.
void kelip_pack_bf16(const void *b, int64_t stride, int transposed, int64_t k, int64_t n, void *packed);
void kelip_pack_f32(const float *b, int64_t stride, int transposed, int64_t k, int64_t n, void *packed);

/// What happens to a product on its way to memory.
enum KelipEpilogue {
  /// C = z.
  KELIP_STORE = 0,
  /// C = QuickGELU(z) and `saved` = z.
  KELIP_STORE_QUICK_GELU = 1,
  /// C = GELU(z) and `saved` = z.
  KELIP_STORE_GELU = 2,
  /// C = z ⊙ QuickGELU'(saved).
  KELIP_STORE_QUICK_GELU_BACKWARD = 3,
  /// C = z ⊙ GELU'(saved).
  KELIP_STORE_GELU_BACKWARD = 4,
};

/// z = alpha · A[M, K] · B[K, N] + bias.
typedef struct {
  int64_t m, k, n;
  /// bf16, rows `a_stride` elements apart; any M, K and N from 1 on.
  const void *a;
  int64_t a_stride;
  const void *packed;
  /// 32-bit floats if `float_output`, else bf16; rows `c_stride` elements apart.
  void *c;
  int64_t c_stride;
  int float_output;
  /// C += z; 32-bit output only.
  int accumulate;
  float alpha;
  /// [N], or NULL.
  const float *bias;
  /// One of KelipEpilogue; other than KELIP_STORE only with bf16 output.
  int epilogue;
  /// bf16 [M, N], rows `c_stride` elements apart.
  void *saved;
} KelipProduct;

/// Blocks of rows are shared out over the worker pool (`WorkerPool.h`).
void kelip_multiply(const KelipProduct *product);

/// At least `bytes` of memory of this thread's own, aligned to 64, good until its next call.
void *kelip_thread_scratch(int64_t bytes);

/// C[A, B] (+)= leftᵀ · right and columnSums[A] += column sums of left (NULL: none), for left[R, A] and right[R, B] in
/// bf16; C in 32-bit floats: a layer's weight and bias gradients. Shared out as `kelip_multiply`.
void kelip_outer_product(const void *left, const void *right, float *c, float *column_sums, int64_t rows, int64_t a,
                         int64_t b, int accumulate);
