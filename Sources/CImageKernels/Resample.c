#include <string.h>

#include "CImageKernels.h"
#include "Clones.h"

// Pillow's fixed point: sums of 8-bit samples times 22-bit weights, rounded, cut to 8 bits. Whole numbers: every
// instruction set gives the same pixels.
enum { PRECISION = 22, ROUNDING = 1 << (PRECISION - 1) };

typedef int32_t Sums __attribute__((vector_size(64)));
typedef uint8_t Samples __attribute__((vector_size(16)));

// By reference: passing 64 bytes by value is another ABI on each instruction set, inlined or not.
INLINE Samples clip(const Sums *sum) {
  Sums sums = __builtin_elementwise_min(*sum >> PRECISION, (Sums){0} + 255);
  return __builtin_convertvector(__builtin_elementwise_max(sums, (Sums){0}), Samples);
}

/// One pixel each of four rows, widened: (R, G, B, unused) four times. The last pixel of a picture has no byte after
/// it that could be read along.
INLINE Samples load_column(const uint8_t *pixel, int64_t stride, int64_t rows, int length) {
  uint32_t four[4] = {0};
  for (int64_t row = 0; row < rows; row++) memcpy(&four[row], pixel + row * stride, length);
  Samples samples;
  memcpy(&samples, four, sizeof samples);
  return samples;
}

INLINE void widen(const uint8_t *source, int64_t stride, int64_t rows, int64_t width, Sums *wide) {
  for (int64_t x = 0; x + 1 < width; x++) {
    wide[x] = __builtin_convertvector(load_column(source + 3 * x, stride, rows, 4), Sums);
  }
  wide[width - 1] = __builtin_convertvector(load_column(source + 3 * (width - 1), stride, rows, 3), Sums);
}

INLINE void resample_four(const Sums *wide, int64_t rows, const KelipTaps *taps, uint8_t *target) {
  int64_t length = 3 * taps->outputs;
  for (int64_t x = 0; x < taps->outputs; x++) {
    const Sums *samples = wide + taps->starts[x];
    const int32_t *weights = taps->weights + x * taps->stride;
    Sums sums = (Sums){0} + ROUNDING;
    for (int32_t tap = 0; tap < taps->counts[x]; tap++) sums += samples[tap] * weights[tap];
    Samples pixels = clip(&sums);
    uint32_t four[4];
    memcpy(four, &pixels, sizeof four);
    // The fourth byte is overwritten by the next pixel, except where there is none.
    int width = x + 1 < taps->outputs ? 4 : 3;
    for (int64_t row = 0; row < rows; row++) memcpy(target + row * length + 3 * x, &four[row], width);
  }
}

CLONES void kelip_resample_rows(const uint8_t *source, int64_t stride, int64_t rows, int64_t width,
                                const KelipTaps *taps, int32_t *scratch, uint8_t *target) {
  Sums *wide = (Sums *)scratch;
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    widen(source + row * stride, stride, 4, width, wide);
    resample_four(wide, 4, taps, target + row * 3 * taps->outputs);
  }
  if (row < rows) {
    widen(source + row * stride, stride, rows - row, width, wide);
    resample_four(wide, rows - row, taps, target + row * 3 * taps->outputs);
  }
}

INLINE Samples sum_column(const uint8_t *source, int64_t stride, const int32_t *weights, int32_t count) {
  Sums sums = (Sums){0} + ROUNDING;
  for (int32_t tap = 0; tap < count; tap++) {
    Samples samples;
    memcpy(&samples, source + tap * stride, sizeof samples);
    sums += __builtin_convertvector(samples, Sums) * weights[tap];
  }
  return clip(&sums);
}

CLONES void kelip_resample_columns(const uint8_t *source, int64_t stride, int64_t bytes, const KelipTaps *taps,
                                   uint8_t *target) {
  for (int64_t y = 0; y < taps->outputs; y++) {
    const uint8_t *top = source + taps->starts[y] * stride;
    const int32_t *weights = taps->weights + y * taps->stride;
    uint8_t *out = target + y * bytes;
    int64_t x = 0;
    for (; x + 16 <= bytes; x += 16) {
      Samples samples = sum_column(top + x, stride, weights, taps->counts[y]);
      memcpy(out + x, &samples, sizeof samples);
    }
    for (; x < bytes; x++) {
      int32_t sum = ROUNDING;
      for (int32_t tap = 0; tap < taps->counts[y]; tap++) sum += top[tap * stride + x] * weights[tap];
      sum >>= PRECISION;
      out[x] = sum < 0 ? 0 : sum > 255 ? 255 : sum;
    }
  }
}
