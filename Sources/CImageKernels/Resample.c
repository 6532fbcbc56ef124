#include <string.h>

#include "CImageKernels.h"
#include "Clones.h"

// Pillow's fixed point: sums of 8-bit samples times 22-bit weights, rounded, cut to 8 bits. Whole numbers: every
// instruction set gives the same pixels.
enum { PRECISION = 22, ROUNDING = 1 << (PRECISION - 1) };

typedef int32_t Sums __attribute__((vector_size(64)));
typedef uint8_t Samples __attribute__((vector_size(16)));
typedef uint32_t Pixels __attribute__((vector_size(16)));

// By reference: passing 64 bytes by value is another ABI on each instruction set, inlined or not.
INLINE Samples clip(const Sums *sum) {
  Sums sums = __builtin_elementwise_min(*sum >> PRECISION, (Sums){0} + 255);
  return __builtin_convertvector(__builtin_elementwise_max(sums, (Sums){0}), Samples);
}

INLINE uint32_t load_pixel(const uint8_t *pixel, size_t length) {
  uint32_t value = 0;
  memcpy(&value, pixel, length);
  return value;
}

INLINE void widen_pixel(const uint8_t *pixel, const int64_t rows[4], size_t length, Sums *wide) {
  Pixels pixels = {load_pixel(pixel + rows[0], length), load_pixel(pixel + rows[1], length),
                   load_pixel(pixel + rows[2], length), load_pixel(pixel + rows[3], length)};
  *wide = __builtin_convertvector((Samples)pixels, Sums);
}

/// One pixel each of four rows, widened: (R, G, B, unused) four times. The last pixel of a picture has no byte after it
/// that could be read along.
INLINE void widen(const uint8_t *source, const int64_t rows[4], int64_t width, Sums *wide) {
  for (int64_t x = 0; x + 1 < width; x++) widen_pixel(source + 3 * x, rows, 4, wide + x);
  widen_pixel(source + 3 * (width - 1), rows, 3, wide + width - 1);
}

INLINE void resample_pixel(const Sums *wide, const KelipTaps *taps, int64_t x, int rows, size_t length, uint8_t *out) {
  const Sums *samples = wide + taps->starts[x];
  const int32_t *weights = taps->weights + x * taps->stride;
  Sums sums = (Sums){0} + ROUNDING;
  for (int32_t tap = 0; tap < taps->counts[x]; tap++) sums += samples[tap] * weights[tap];
  Pixels pixels = (Pixels)clip(&sums);
  uint32_t first = pixels[0], second = pixels[1], third = pixels[2], fourth = pixels[3];
  int64_t row_length = 3 * taps->outputs;
  memcpy(out, &first, length);
  if (rows > 1) memcpy(out + row_length, &second, length);
  if (rows > 2) memcpy(out + 2 * row_length, &third, length);
  if (rows > 3) memcpy(out + 3 * row_length, &fourth, length);
}

/// The fourth byte is overwritten by the next pixel, except where there is none.
INLINE void resample_four(const Sums *wide, int rows, const KelipTaps *taps, uint8_t *target) {
  int64_t last = taps->outputs - 1;
  for (int64_t x = 0; x < last; x++) resample_pixel(wide, taps, x, rows, 4, target + 3 * x);
  resample_pixel(wide, taps, last, rows, 3, target + 3 * last);
}

CLONES void kelip_resample_rows(const uint8_t *source, int64_t stride, int64_t rows, int64_t width,
                                const KelipTaps *taps, int32_t *scratch, uint8_t *target) {
  Sums *wide = (Sums *)scratch;
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    const int64_t offsets[4] = {0, stride, 2 * stride, 3 * stride};
    widen(source + row * stride, offsets, width, wide);
    resample_four(wide, 4, taps, target + row * 3 * taps->outputs);
  }
  if (row < rows) {
    // The last rows stand in for those that are missing.
    const int64_t left = rows - row;
    const int64_t offsets[4] = {0, left > 1 ? stride : 0, left > 2 ? 2 * stride : 0, 0};
    widen(source + row * stride, offsets, width, wide);
    resample_four(wide, left, taps, target + row * 3 * taps->outputs);
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
