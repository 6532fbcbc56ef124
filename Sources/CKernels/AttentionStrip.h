// A strip is the transposed scores of 32 queries, [keys, 32]: softmax runs down its columns, 16 queries a vector.
#pragma once
#include "TransposeBlock.h"
#include "Vector.h"

enum { STRIP = 32, LANES = 16 };

typedef float Lanes __attribute__((vector_size(64)));
typedef int32_t LaneMask __attribute__((vector_size(64)));
/// The same where only an element's alignment is known.
typedef float LooseLanes __attribute__((vector_size(64), aligned(4)));

INLINE int64_t round_up(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

// Heads are columns: the processor does not see which rows come next, but it does see a whole sequence in order.
INLINE void fetch(const void *start, int64_t bytes, const int to_write) {
  const char *line = start;
  for (const char *end = line + bytes; line < end; line += 64)
    if (to_write)
      __builtin_prefetch(line, 1, 2);
    else
      __builtin_prefetch(line, 0, 2);
}

TRANSPOSE_BLOCK(turn_block, float)

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

// In the first `lanes` columns (16 or 32) s becomes e^(scale · s − the column's largest), and inverse[] 1 / the sum of
// that over the column.
INLINE void strip_softmax(float *s, int64_t keys, int64_t lanes, float scale, float *inverse) {
  for (int64_t half = 0; half < lanes; half += LANES) {
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
INLINE void strip_gradient(float *p, float *dp, int64_t keys, int64_t lanes, float scale,
                           const float *inverse) {
  for (int64_t half = 0; half < lanes; half += LANES) {
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
