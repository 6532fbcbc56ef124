// What the code on AMX tiles shares: pairs of bf16, and functions that bf16 needs no better.
#pragma once
#include "Wide.h"

#if KELIP_HAS_WIDE
#define KELIP_HAS_TILES 1

#define TILES                                                                                                         \
  __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512bf16,fma,avx2,bmi2")))

INLINE int64_t padded(int64_t count) { return (count + 31) & ~(int64_t)31; }

TILES INLINE __mmask32 mask32(int64_t count) {
  return count >= 32 ? 0xffffffffu : count <= 0 ? 0 : (__mmask32)((1u << count) - 1);
}

// (x₀ … x₁₅ | y₀ … y₁₅) → x₀ y₀ x₁ y₁ …
TILES INLINE __m512i interleave(__m512i halves) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, halves);
}

// 16 columns of two rows of bf16 as pairs; rows beyond `rows` and columns beyond `columns` are zero.
TILES INLINE __m512i row_pair(const uint16_t *x, int64_t stride, int64_t rows, int64_t columns) {
  __mmask16 real = mask16(columns);
  __m256i first = rows > 0 ? _mm256_maskz_loadu_epi16(real, x) : _mm256_setzero_si256();
  __m256i second = rows > 1 ? _mm256_maskz_loadu_epi16(real, x + stride) : _mm256_setzero_si256();
  return interleave(_mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1));
}

// The lower and the upper bf16 of each pair.
TILES INLINE __m512 even_floats(__m512i pairs) { return (__m512)_mm512_slli_epi32(pairs, 16); }
TILES INLINE __m512 odd_floats(__m512i pairs) {
  return (__m512)_mm512_and_si512(pairs, _mm512_set1_epi32((int)0xffff0000));
}

// 32 bf16 as two vectors of floats.
TILES INLINE void widen(__m512i x, __m512 y[2]) {
  y[0] = (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(x)), 16);
  y[1] = (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(x, 1)), 16);
}

// What goes to bf16 needs 9 bits: these are good to about 2⁻¹⁴ of themselves.
TILES INLINE __m512 exp16(__m512 x) {
  x = _mm512_max_ps(_mm512_min_ps(_mm512_set1_ps(88.0f), x), _mm512_set1_ps(-104.0f));
  __m512 y = _mm512_mul_ps(x, _mm512_set1_ps(1.44269504089f));
  __m512 n = _mm512_roundscale_ps(y, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_sub_ps(y, n);
  __m512 p = _mm512_set1_ps(9.618129e-3f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.550411e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.402265e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.931472e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, n);
}

TILES INLINE __m512 sigmoid16(__m512 x) {
  return _mm512_rcp14_ps(_mm512_add_ps(_mm512_set1_ps(1), exp16(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

TILES INLINE __m512 quick_gelu16(__m512 x) {
  return _mm512_mul_ps(x, sigmoid16(_mm512_mul_ps(x, _mm512_set1_ps(1.702f))));
}
// s + 1.702 x s (1 − s)
TILES INLINE __m512 quick_gelu_slope16(__m512 x) {
  __m512 scaled = _mm512_mul_ps(x, _mm512_set1_ps(1.702f)), s = sigmoid16(scaled);
  return _mm512_fmadd_ps(_mm512_mul_ps(scaled, s), _mm512_sub_ps(_mm512_set1_ps(1), s), s);
}

// Φ(x) to about 3e-7 absolute: Abramowitz & Stegun 7.1.26 with t = 1 / (1 + p |x| / √2); `e` is e^(−x²/2).
TILES INLINE __m512 normal_distribution16(__m512 x, __m512 e) {
  __m512 size = _mm512_abs_ps(x), d = _mm512_fmadd_ps(size, _mm512_set1_ps(0.3275911f * 0.70710678f), _mm512_set1_ps(1));
  __m512 t = _mm512_rcp14_ps(d);
  t = _mm512_mul_ps(t, _mm512_fnmadd_ps(d, t, _mm512_set1_ps(2)));
  __m512 p = _mm512_set1_ps(0.5f * 1.061405429f);
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * -1.453152027f));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * 1.421413741f));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * -0.284496736f));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * 0.254829592f));
  __m512 tail = _mm512_mul_ps(_mm512_mul_ps(p, t), e);
  __mmask16 isNegative = _mm512_movepi32_mask((__m512i)x);
  return _mm512_mask_mov_ps(_mm512_sub_ps(_mm512_set1_ps(1), tail), isNegative, tail);
}
TILES INLINE __m512 gaussian16(__m512 x) { return exp16(_mm512_mul_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(-0.5f))); }
TILES INLINE __m512 gelu16(__m512 x) { return _mm512_mul_ps(x, normal_distribution16(x, gaussian16(x))); }
TILES INLINE __m512 gelu_slope16(__m512 x) {
  __m512 e = gaussian16(x);
  return _mm512_fmadd_ps(_mm512_mul_ps(x, _mm512_set1_ps(0.3989422804f)), e, normal_distribution16(x, e));
}
#else
#define KELIP_HAS_TILES 0
#endif
