#include <string.h>

#include "CImageKernels.h"
#include "Clones.h"

// No fused multiplications: each instruction set would give other pixels.
#pragma STDC FP_CONTRACT OFF

/// Mirrored at the edge sample, which itself is not repeated.
INLINE int64_t reflected(int64_t index, int64_t count) {
  if (index < 0) return -index;
  return index < count ? index : 2 * (count - 1) - index;
}

enum { LANES = 16 };
typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Integers __attribute__((vector_size(4 * LANES)));
typedef uint8_t Bytes __attribute__((vector_size(LANES)));

INLINE void load_bytes(const uint8_t *source, Integers *values) {
  Bytes bytes;
  memcpy(&bytes, source, sizeof bytes);
  *values = __builtin_convertvector(bytes, Integers);
}

/// One row along the columns: `rows` holds the row itself, then those above and below it at each distance.
INLINE void blur_columns(const uint8_t *const *rows, int64_t bytes, const float *weights, int64_t radius, float *out) {
  int64_t x = 0;
  for (; x + LANES <= bytes; x += LANES) {
    Integers centre, above, below;
    load_bytes(rows[0] + x, &centre);
    Floats sum = weights[0] * __builtin_convertvector(centre, Floats);
    for (int64_t tap = 1; tap <= radius; tap++) {
      load_bytes(rows[2 * tap - 1] + x, &above);
      load_bytes(rows[2 * tap] + x, &below);
      sum += weights[tap] * __builtin_convertvector(above + below, Floats);
    }
    memcpy(out + x, &sum, sizeof sum);
  }
  for (; x < bytes; x++) {
    float sum = weights[0] * (float)rows[0][x];
    for (int64_t tap = 1; tap <= radius; tap++) {
      sum += weights[tap] * (float)(rows[2 * tap - 1][x] + rows[2 * tap][x]);
    }
    out[x] = sum;
  }
}

/// Halves go to the even side, as torch's round does.
INLINE uint8_t rounded(float sum) {
  sum = __builtin_rintf(sum);
  return (uint8_t)(int32_t)(sum > 255 ? 255 : sum);
}

/// One row along itself; three samples apart lie the neighbours of one channel.
INLINE void blur_row(const float *row, int64_t bytes, const float *weights, int64_t radius, uint8_t *out) {
  int64_t x = 0;
  for (; x + LANES <= bytes; x += LANES) {
    Floats sum, left, right;
    memcpy(&sum, row + x, sizeof sum);
    sum *= weights[0];
    for (int64_t tap = 1; tap <= radius; tap++) {
      memcpy(&left, row + x - 3 * tap, sizeof left);
      memcpy(&right, row + x + 3 * tap, sizeof right);
      sum += weights[tap] * (left + right);
    }
    for (int lane = 0; lane < LANES; lane++) out[x + lane] = rounded(sum[lane]);
  }
  for (; x < bytes; x++) {
    float sum = weights[0] * row[x];
    for (int64_t tap = 1; tap <= radius; tap++) sum += weights[tap] * (row[x - 3 * tap] + row[x + 3 * tap]);
    out[x] = rounded(sum);
  }
}

CLONES void kelip_blur(const uint8_t *source, int64_t width, int64_t height, const float *weights, int64_t radius,
                       const uint8_t **rows, float *line, uint8_t *target) {
  const int64_t bytes = 3 * width;
  float *row = line + 3 * radius;
  for (int64_t y = 0; y < height; y++) {
    rows[0] = source + y * bytes;
    for (int64_t tap = 1; tap <= radius; tap++) {
      rows[2 * tap - 1] = source + reflected(y - tap, height) * bytes;
      rows[2 * tap] = source + reflected(y + tap, height) * bytes;
    }
    blur_columns(rows, bytes, weights, radius, row);
    for (int64_t tap = 1; tap <= radius; tap++) {
      for (int channel = 0; channel < 3; channel++) {
        row[channel - 3 * tap] = row[channel + 3 * tap];
        row[channel + 3 * (width - 1 + tap)] = row[channel + 3 * (width - 1 - tap)];
      }
    }
    blur_row(row, bytes, weights, radius, target + y * bytes);
  }
}
