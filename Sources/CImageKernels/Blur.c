#include "CImageKernels.h"
#include "Clones.h"

// No fused multiplications: each instruction set would give other pixels.
#pragma STDC FP_CONTRACT OFF

/// Mirrored at the edge sample, which itself is not repeated.
INLINE int64_t reflected(int64_t index, int64_t count) {
  if (index < 0) return -index;
  return index < count ? index : 2 * (count - 1) - index;
}

CLONES void kelip_blur(const uint8_t *source, int64_t width, int64_t height, const float *weights, int64_t radius,
                       float *line, uint8_t *target) {
  const int64_t bytes = 3 * width;
  float *row = line + 3 * radius;
  for (int64_t y = 0; y < height; y++) {
    const uint8_t *centre = source + y * bytes;
    for (int64_t x = 0; x < bytes; x++) row[x] = weights[0] * (float)centre[x];
    for (int64_t tap = 1; tap <= radius; tap++) {
      const uint8_t *above = source + reflected(y - tap, height) * bytes;
      const uint8_t *below = source + reflected(y + tap, height) * bytes;
      const float weight = weights[tap];
      for (int64_t x = 0; x < bytes; x++) row[x] += weight * (float)(above[x] + below[x]);
    }
    for (int64_t tap = 1; tap <= radius; tap++) {
      for (int channel = 0; channel < 3; channel++) {
        row[channel - 3 * tap] = row[channel + 3 * tap];
        row[channel + 3 * (width - 1 + tap)] = row[channel + 3 * (width - 1 - tap)];
      }
    }
    uint8_t *out = target + y * bytes;
    for (int64_t x = 0; x < bytes; x++) {
      float sum = weights[0] * row[x];
      for (int64_t tap = 1; tap <= radius; tap++) sum += weights[tap] * (row[x - 3 * tap] + row[x + 3 * tap]);
      sum = __builtin_rintf(sum);
      out[x] = (uint8_t)(int32_t)(sum > 255 ? 255 : sum);
    }
  }
}
