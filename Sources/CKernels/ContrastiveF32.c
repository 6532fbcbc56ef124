#include "Blocks.h"
#include "CKernels.h"
#include "Contrastive.h"
#include "Vector.h"
#include "WorkerPool.h"

#define T float
#define LOAD load_f32
#define STORE store_f32
#define TABLE kelip_contrastive_f32
#define UNIT CLONES

enum { CHUNK = 256, STRIPE = 128, GROUP = 8 };
typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));

static void begin_products(void) {}

INLINE void load_block(const float *rows, int64_t live, int64_t width, int64_t stride, float *block) {
  for (int64_t r = 0; r < BLOCK; r++)
    for (int64_t c = 0; c < BLOCK; c++) block[r * BLOCK + c] = r < live && c < width ? rows[r * stride + c] : 0.0f;
}

// Right operands are [32 of K][32 columns].
INLINE void pack_block(const float *block, float *by_dim, float *by_row) {
  for (int64_t r = 0; r < BLOCK; r++)
    for (int64_t c = 0; c < BLOCK; c++) by_dim[c * BLOCK + r] = block[r * BLOCK + c];
  memcpy(by_row, block, WORDS * sizeof(float));
}

// c[8, 32] (+)= eight rows of the left blocks · the right blocks.
INLINE void multiply_group(const float *a, const float *b, int64_t steps, float *c, int64_t stride, int accumulate) {
  v16 low[GROUP], high[GROUP];
  for (int r = 0; r < GROUP; r++) {
    low[r] = accumulate ? *(v16 *)(c + r * stride) : (v16){0};
    high[r] = accumulate ? *(v16 *)(c + r * stride + 16) : (v16){0};
  }
  for (int64_t step = 0; step < steps; step++, a += WORDS, b += WORDS)
    for (int k = 0; k < BLOCK; k++) {
      v16 left = *(const v16 *)(b + k * BLOCK), right = *(const v16 *)(b + k * BLOCK + 16);
#pragma clang loop unroll(full)
      for (int r = 0; r < GROUP; r++) {
        low[r] += a[r * BLOCK + k] * left;
        high[r] += a[r * BLOCK + k] * right;
      }
    }
  for (int r = 0; r < GROUP; r++) {
    *(v16 *)(c + r * stride) = low[r];
    *(v16 *)(c + r * stride + 16) = high[r];
  }
}

INLINE void multiply_block(const float *a, const float *b, int64_t steps, float *c, int64_t stride, int accumulate) {
  _Pragma("clang fp contract(fast)")
  for (int r = 0; r < BLOCK; r += GROUP) multiply_group(a + r * BLOCK, b, steps, c + r * stride, stride, accumulate);
}

CLONES static void sum_rows(const KelipContrastive *side, const float *own, int64_t row, int64_t chunk, float *columns) {
  SUMS
  _Alignas(64) float scores[WORDS];
  int64_t steps = blocks(side->dim), first = chunk * CHUNK, end = smaller(first + CHUNK, side->columns);
  int64_t live = smaller(BLOCK, side->rows - row);
  const float *panel = (const float *)side->by_dim + first * steps * BLOCK;
  for (int64_t column = first; column < end; column += BLOCK, panel += steps * WORDS) {
    multiply_block(own, panel, steps, scores, BLOCK, 0);
    int64_t width = smaller(BLOCK, end - column);
    for (int64_t r = 0; r < live; r++) {
      float sum = 0;
      VECTOR for (int64_t c = 0; c < width; c++) {
        float e = fast_exp(side->scale * scores[r * BLOCK + c] - side->shift);
        sum += e;
        columns[column + c] += e;
      }
      side->row_sums[row + r] += (double)sum;
    }
  }
}

CLONES static void softmax_rows(const KelipContrastive *side, const float *own, int64_t row, int64_t chunk,
                                float *softmax) {
  int64_t steps = blocks(side->dim), first = chunk * CHUNK, end = smaller(first + CHUNK, side->columns);
  int64_t live = smaller(BLOCK, side->rows - row);
  const float *panel = (const float *)side->by_dim + first * steps * BLOCK;
  for (int64_t column = first; column < end; column += BLOCK, panel += steps * WORDS, softmax += WORDS) {
    multiply_block(own, panel, steps, softmax, BLOCK, 0);
    int64_t width = smaller(BLOCK, end - column);
    for (int64_t r = 0; r < live; r++) {
      float *p = softmax + r * BLOCK, factor = side->row_factors[row + r];
      VECTOR for (int64_t c = 0; c < width; c++)
        p[c] = fast_exp(side->scale * p[c] - side->shift) * (factor + side->column_factors[column + c]);
      int64_t match = side->match + row + r - column;
      if (match >= 0 && match < BLOCK) p[match] -= 2.0f;
      for (int64_t c = width; c < BLOCK; c++) p[c] = 0;
    }
  }
}

#include "ContrastiveTiles.inc"
