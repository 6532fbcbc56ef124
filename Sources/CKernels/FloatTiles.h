// The innermost loop of fp32 products: a tile of C whose sums stay in registers while K passes by.
#pragma once
#include "Wide.h"

#if KELIP_HAS_WIDE
enum {
  // A tile of C: 28 vectors of sums; the other four registers are for operands.
  ROWS = 14,
  COLUMNS = 32,
  // Floats from one of K to the next in a packed strip of A.
  STRIP = 16,
};

// Where a tile of C goes, what is added to it (what is there, a bias or NULL), and memory that is wanted next.
typedef struct {
  float *c;
  int64_t stride;
  int adds;
  const float *bias;
  __mmask16 left, right;
  const char *next;
  // Bytes of it for each of K.
  int64_t next_step;
} Tile;

// `rows` × 32 of C (+)= a strip of A · a panel of B.
WIDE INLINE void multiply_tile(int rows, int64_t depth, const float *a, const float *b, const Tile *tile) {
  __m512 sums[ROWS][2];
  for (int i = 0; i < rows; i++) {
    sums[i][0] = sums[i][1] = _mm512_setzero_ps();
    _mm_prefetch(tile->c + i * tile->stride, _MM_HINT_T0);
    _mm_prefetch(tile->c + i * tile->stride + 16, _MM_HINT_T0);
  }
  const char *next = tile->next;
  for (int64_t k = 0; k < depth; k++, a += STRIP, b += COLUMNS, next += tile->next_step) {
    __m512 left = _mm512_load_ps(b), right = _mm512_load_ps(b + 16);
    _mm_prefetch(a + 16 * STRIP, _MM_HINT_T0);
    _mm_prefetch(next, _MM_HINT_T1);
    for (int i = 0; i < rows; i++) {
      __m512 x = _mm512_set1_ps(a[i]);
      sums[i][0] = _mm512_fmadd_ps(x, left, sums[i][0]);
      sums[i][1] = _mm512_fmadd_ps(x, right, sums[i][1]);
    }
  }
  if (tile->bias) {
    __m512 left = _mm512_maskz_loadu_ps(tile->left, tile->bias);
    __m512 right = _mm512_maskz_loadu_ps(tile->right, tile->bias + 16);
    for (int i = 0; i < rows; i++) {
      sums[i][0] = _mm512_add_ps(sums[i][0], left);
      sums[i][1] = _mm512_add_ps(sums[i][1], right);
    }
  }
  float *c = tile->c;
  for (int i = 0; i < rows; i++, c += tile->stride) {
    if (tile->adds) {
      sums[i][0] = _mm512_add_ps(sums[i][0], _mm512_maskz_loadu_ps(tile->left, c));
      sums[i][1] = _mm512_add_ps(sums[i][1], _mm512_maskz_loadu_ps(tile->right, c + 16));
    }
    _mm512_mask_storeu_ps(c, tile->left, sums[i][0]);
    _mm512_mask_storeu_ps(c + 16, tile->right, sums[i][1]);
  }
}

WIDE static inline void multiply_whole_tile(int64_t depth, const float *a, const float *b, const Tile *tile) {
  multiply_tile(ROWS, depth, a, b, tile);
}

WIDE static inline void multiply_part_tile(int64_t rows, int64_t depth, const float *a, const float *b,
                                           const Tile *tile) {
  switch (rows) {
  case 1: return multiply_tile(1, depth, a, b, tile);
  case 2: return multiply_tile(2, depth, a, b, tile);
  case 3: return multiply_tile(3, depth, a, b, tile);
  case 4: return multiply_tile(4, depth, a, b, tile);
  case 5: return multiply_tile(5, depth, a, b, tile);
  case 6: return multiply_tile(6, depth, a, b, tile);
  case 7: return multiply_tile(7, depth, a, b, tile);
  case 8: return multiply_tile(8, depth, a, b, tile);
  case 9: return multiply_tile(9, depth, a, b, tile);
  case 10: return multiply_tile(10, depth, a, b, tile);
  case 11: return multiply_tile(11, depth, a, b, tile);
  case 12: return multiply_tile(12, depth, a, b, tile);
  case 13: return multiply_tile(13, depth, a, b, tile);
  }
}
#endif
