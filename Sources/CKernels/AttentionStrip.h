// A strip is the transposed scores of 32 queries, [keys, 32]: softmax runs down its columns, 16 queries a vector.
#pragma once
#include "Vector.h"

enum { STRIP = 32, LANES = 16 };

typedef float Lanes __attribute__((vector_size(64)));
typedef int32_t LaneMask __attribute__((vector_size(64)));
/// The same where only an element's alignment is known.
typedef float LooseLanes __attribute__((vector_size(64), aligned(4)));

INLINE int64_t round_up(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

// Rows are far apart, so that the processor does not see what comes next: the same rows of the next head.
INLINE void prefetch_row(const void *row, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)row + i);
}

// As `fast_exp`, for x ≤ 0. By pointer: vectors as arguments depend on the processor.
INLINE void lanes_exp(const Lanes *x_, Lanes *y) {
  Lanes x = *x_, shifted = x * 1.44269504089f + 12582912.0f, n = shifted - 12582912.0f;
  Lanes r = x - n * 0.693359375f + n * 2.12194440e-4f;
  Lanes p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  Lanes power = (Lanes)(((LaneMask)shifted + 127) << 23);
  LaneMask vanishes = x < -87.3365f;
  *y = (Lanes)((LaneMask)(p * power) & ~vanishes);
}

// Queries first … first + 31 do not see later keys: those scores vanish in the softmax.
INLINE void strip_hide_later(float *s, int64_t keys, int64_t first) {
  for (int64_t key = first + 1; key < keys; key++)
    for (int64_t lane = 0; lane < STRIP && lane < key - first; lane++) s[key * STRIP + lane] = -FLT_MAX;
}

// s becomes e^(scale · s − its column's largest); inverse[32] = 1 / the column's sum of that.
INLINE void strip_softmax(float *s, int64_t keys, float scale, float *inverse) {
  for (int64_t half = 0; half < STRIP; half += LANES) {
    float *column = s + half;
    Lanes largest = *(Lanes *)column, sum = {0};
    for (int64_t key = 1; key < keys; key++)
      largest = __builtin_elementwise_max(largest, *(Lanes *)(column + key * STRIP));
    largest *= scale;
    for (int64_t key = 0; key < keys; key++) {
      Lanes *value = (Lanes *)(column + key * STRIP), shifted = *value * scale - largest;
      lanes_exp(&shifted, value);
      sum += *value;
    }
    *(Lanes *)(inverse + half) = 1.0f / sum;
  }
}

// p becomes p · inverse, the probabilities, and dp the gradient of the scores: scale · p · (dp − Σ p · dp).
INLINE void strip_gradient(float *p, float *dp, int64_t keys, float scale, const float *inverse) {
  for (int64_t half = 0; half < STRIP; half += LANES) {
    Lanes factor = *(const Lanes *)(inverse + half), sum = {0};
    for (int64_t key = 0; key < keys; key++) {
      Lanes *probability = (Lanes *)(p + key * STRIP + half);
      *probability *= factor;
      sum += *probability * *(Lanes *)(dp + key * STRIP + half);
    }
    for (int64_t key = 0; key < keys; key++) {
      Lanes *gradient = (Lanes *)(dp + key * STRIP + half);
      *gradient = scale * *(Lanes *)(p + key * STRIP + half) * (*gradient - sum);
    }
  }
}
