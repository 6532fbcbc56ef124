// One head of attention on the tiles: where its numbers lie, and the steps between its products.
#pragma once
#include "AttentionStrip.h"
#include "Tiles.h"

#if KELIP_HAS_TILES
enum {
  // Queries whose probabilities wait for the products that sum over queries, dV = Pᵀ dO and dK = dSᵀ Q.
  GROUP = 128,
  // Elements of a packed 32 × 32 block of a right operand.
  PACKED = 1024
};

// One head in scratch memory. Packed operands are those of `kelip_pack_bf16`.
typedef struct {
  int64_t length, size, rows, columns;
  float scale;
  int causal;
  // Left operands [rows, columns].
  uint16_t *k, *v;
  // Right operands: [size, length] for scores and their gradients, [length, size] for sums over rows.
  uint16_t *q_turned, *dout_turned, *q_pairs, *k_pairs, *v_pairs, *dout_pairs;
  // Transposed probabilities and score gradients of a group, [rows, GROUP], and one block not transposed, [32, rows].
  uint16_t *p, *ds, *block;
  // Strips [rows, 32], results [rows, columns].
  float *scores, *dscores, *product, *dk, *dv, *inverse;
} Head;

static inline uintptr_t lay_out(Head *h, uintptr_t memory, int64_t length, int64_t size) {
  h->length = length;
  h->size = size;
  h->rows = padded(length);
  h->columns = padded(size);
  h->scale = 1.0f / sqrtf((float)size);
  uint16_t **operands[] = {&h->k,       &h->v,       &h->q_turned, &h->dout_turned,
                           &h->q_pairs, &h->k_pairs, &h->v_pairs,  &h->dout_pairs};
  for (int i = 0; i < 8; i++, memory += (uintptr_t)(2 * h->rows * h->columns)) *operands[i] = (uint16_t *)memory;
  float **results[] = {&h->product, &h->dk, &h->dv};
  for (int i = 0; i < 3; i++, memory += (uintptr_t)(4 * h->rows * h->columns)) *results[i] = (float *)memory;
  float **strips[] = {&h->scores, &h->dscores};
  for (int i = 0; i < 2; i++, memory += (uintptr_t)(4 * h->rows * STRIP)) *strips[i] = (float *)memory;
  uint16_t **groups[] = {&h->p, &h->ds};
  for (int i = 0; i < 2; i++, memory += (uintptr_t)(2 * h->rows * GROUP)) *groups[i] = (uint16_t *)memory;
  h->block = (uint16_t *)memory;
  h->inverse = (float *)(memory + (uintptr_t)(2 * h->rows * STRIP));
  return (uintptr_t)(h->inverse + STRIP);
}

// c[32, 32] (+)= a[32, 32 · steps] · the packed blocks `b`.
TILES INLINE void multiply_block(const uint16_t *a, int64_t a_stride, const uint16_t *b, int64_t steps, float *c,
                                 int64_t c_stride, int accumulate) {
  float *lower = c + 16 * c_stride;
  if (accumulate) {
    _tile_loadd(0, c, 4 * c_stride);
    _tile_loadd(1, c + 16, 4 * c_stride);
    _tile_loadd(2, lower, 4 * c_stride);
    _tile_loadd(3, lower + 16, 4 * c_stride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t step = 0; step < steps; step++, a += 32, b += PACKED) {
    _tile_loadd(4, a, 2 * a_stride);
    _tile_loadd(6, b, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b + PACKED / 2, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a + 16 * a_stride, 2 * a_stride);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c, 4 * c_stride);
  _tile_stored(1, c + 16, 4 * c_stride);
  _tile_stored(2, lower, 4 * c_stride);
  _tile_stored(3, lower + 16, 4 * c_stride);
}

// A head's columns, with zeros beyond them and in the rows up to the next block.
TILES INLINE void copy_rows(const Head *h, const uint16_t *source, int64_t stride, uint16_t *rows) {
  for (int64_t r = 0; r < h->rows; r++)
    for (int64_t c = 0; c < h->columns; c += 32) {
      __mmask32 real = r < h->length ? mask32(h->size - c) : 0;
      _mm512_store_si512(rows + r * h->columns + c, _mm512_maskz_loadu_epi16(real, source + r * stride + c));
    }
}

// Which words of two rows of 32 make pairs (x₀ y₀ x₁ y₁ …): columns 0 … 15, and 16 … 31.
typedef struct {
  __m512i low, high;
} Pairing;

TILES INLINE Pairing make_pairing(void) {
  const __m512i columns = _mm512_cvtepu16_epi32(
      _mm256_set_epi16(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
  // Words from 32 on name the second row.
  __m512i low = _mm512_or_si512(columns, _mm512_slli_epi32(_mm512_add_epi32(columns, _mm512_set1_epi32(32)), 16));
  return (Pairing){low, _mm512_add_epi16(low, _mm512_set1_epi16(16))};
}

// A head's columns as right operand [length, size]: what `kelip_pack_bf16` does, 32 columns at a time.
TILES INLINE void pack_pairs(const Head *h, const uint16_t *source, int64_t stride, uint16_t *packed) {
  const Pairing pairing = make_pairing();
  for (int64_t c = 0; c < h->columns; c += 32) {
    __mmask32 real = mask32(h->size - c);
    for (int64_t r = 0; r < h->rows; r += 2, packed += r % 32 ? 32 : 32 + PACKED / 2) {
      const uint16_t *even = source + r * stride + c;
      __m512i x = _mm512_maskz_loadu_epi16(r < h->length ? real : 0, even);
      __m512i y = _mm512_maskz_loadu_epi16(r + 1 < h->length ? real : 0, even + stride);
      _mm512_store_si512(packed, _mm512_permutex2var_epi16(x, pairing.low, y));
      _mm512_store_si512(packed + PACKED / 2, _mm512_permutex2var_epi16(x, pairing.high, y));
    }
  }
}

// The first `count` rows of a result, times a factor each, into a head's columns.
TILES INLINE void store_rows(const Head *h, const float *result, const float *factors, int64_t count, uint16_t *target,
                             int64_t stride) {
  for (int64_t r = 0; r < count; r++) {
    __m512 factor = _mm512_set1_ps(factors ? factors[r] : 1.0f);
    for (int64_t c = 0; c < h->columns; c += 32) {
      __m512 low = _mm512_mul_ps(factor, _mm512_load_ps(result + r * h->columns + c));
      __m512 high = _mm512_mul_ps(factor, _mm512_load_ps(result + r * h->columns + c + 16));
      _mm512_mask_storeu_epi16(target + r * stride + c, mask32(h->size - c),
                               (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
  }
}

// A strip rounded to bfloat16, rows `stride` apart; rows beyond the keys are zero up to the next block.
TILES INLINE void narrow_strip(const float *strip, int64_t keys, uint16_t *narrow, int64_t stride) {
  for (int64_t key = 0; key < keys; key++, strip += STRIP) {
    __m512bh both = _mm512_cvtne2ps_pbh(_mm512_load_ps(strip + LANES), _mm512_load_ps(strip));
    _mm512_store_si512(narrow + key * stride, (__m512i)both);
  }
  for (int64_t key = keys; key < padded(keys); key++) _mm512_store_si512(narrow + key * stride, _mm512_setzero_si512());
}

// Transposes narrow[keys, 32] to block[32, keys].
TILES INLINE void turn_strip(const Head *h, const uint16_t *narrow, int64_t stride, int64_t keys) {
  const Pairing pairing = make_pairing();
  for (int64_t key = 0; key < keys; key += 32, narrow += 32 * stride) {
    __m512i first[16], second[16];
    for (int64_t pair = 0; pair < 16; pair++) {
      __m512i even = _mm512_load_si512(narrow + 2 * pair * stride);
      __m512i odd = _mm512_load_si512(narrow + (2 * pair + 1) * stride);
      first[pair] = _mm512_permutex2var_epi16(even, pairing.low, odd);
      second[pair] = _mm512_permutex2var_epi16(even, pairing.high, odd);
    }
    transpose16(first);
    transpose16(second);
    for (int64_t lane = 0; lane < LANES; lane++) {
      _mm512_store_si512(h->block + lane * h->rows + key, first[lane]);
      _mm512_store_si512(h->block + (lane + LANES) * h->rows + key, second[lane]);
    }
  }
}

// 2^y for y ≤ 0, good to about 2⁻¹⁴ of itself, and 0 below 2⁻¹²⁶, where the processor is slow; NaN passes through.
TILES INLINE __m512 exp2_16(__m512 y) {
  __mmask16 lasts = _mm512_cmp_ps_mask(y, _mm512_set1_ps(-126.0f), _CMP_NLT_UQ);
  __m512 n = _mm512_roundscale_ps(y, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), r = _mm512_sub_ps(y, n);
  __m512 p = _mm512_set1_ps(9.618129e-3f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.550411e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.402265e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.931472e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  return _mm512_maskz_scalef_ps(lasts, p, n);
}

// As `strip_softmax`, with no more precision than bfloat16 keeps.
TILES INLINE void coarse_softmax(float *s, int64_t keys, float scale, float *inverse) {
  const __m512 factor = _mm512_set1_ps(scale * 1.44269504089f);
  __m512 largest[2] = {_mm512_load_ps(s), _mm512_load_ps(s + LANES)}, sum[2] = {0};
  for (int64_t key = 1; key < keys; key++)
    for (int half = 0; half < 2; half++)
      largest[half] = _mm512_max_ps(_mm512_load_ps(s + key * STRIP + half * LANES), largest[half]);
  for (int half = 0; half < 2; half++) largest[half] = _mm512_mul_ps(largest[half], factor);
  for (int64_t key = 0; key < keys; key++)
    for (int half = 0; half < 2; half++) {
      float *score = s + key * STRIP + half * LANES;
      __m512 e = exp2_16(_mm512_fmsub_ps(_mm512_load_ps(score), factor, largest[half]));
      _mm512_store_ps(score, e);
      sum[half] = _mm512_add_ps(sum[half], e);
    }
  for (int half = 0; half < 2; half++)
    _mm512_store_ps(inverse + half * LANES, _mm512_div_ps(_mm512_set1_ps(1), sum[half]));
}
#endif
