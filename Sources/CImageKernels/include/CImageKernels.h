#pragma once
// The arithmetic of resizing, recolouring and normalising pictures, as vector loops. Pixels are RGB, 8 bits each, without padding.
#include <stdint.h>

/// The weights of one axis: output i is made of `counts[i]` samples from `starts[i]` on, with the weights from
/// `weights[i * stride]` on, in units of 2^-22.
typedef struct {
  const int32_t *starts, *counts, *weights;
  int64_t stride, outputs;
} KelipTaps;

/// Bytes of `wide` that `kelip_resample_rows` needs for each pixel of a row.
enum { KELIP_WIDE_PIXEL_BYTES = 64 };

/// Resizes along the rows: `rows` x `width` pixels, `stride` bytes from row to row, become `rows` x taps.outputs
/// pixels without gaps. `wide` is scratch for `width` pixels.
void kelip_resample_rows(const uint8_t *source, int64_t stride, int64_t rows, int64_t width, const KelipTaps *taps,
                         int32_t *wide, uint8_t *target);

/// Resizes along the columns: taps.outputs rows of `bytes` bytes each, without gaps, out of rows that lie `stride`
/// bytes apart.
void kelip_resample_columns(const uint8_t *source, int64_t stride, int64_t bytes, const KelipTaps *taps,
                            uint8_t *target);

/// `height` x `width` pixels to three planes of floats, one after the other, through a table of 256 values for each
/// channel; mirrored left to right when `flipped`.
void kelip_normalise(const uint8_t *pixels, int64_t width, int64_t height, const float *tables, int flipped,
                     float *planes);

/// Replaces each of `count` values by what stands at its place in a table of 256.
void kelip_map_values(uint8_t *values, int64_t count, const uint8_t *table);

/// The sum of the luma (0 to 255) of `count` pixels.
int64_t kelip_luma_sum(const uint8_t *pixels, int64_t count);

/// Replaces each pixel by its luma, three times.
void kelip_grey(uint8_t *pixels, int64_t count);

/// Moves each pixel away from its luma: 0 is grey, 1 leaves it as it is.
void kelip_saturate(uint8_t *pixels, int64_t count, float factor);

/// Turns each pixel's hue by shift/255 of the circle.
void kelip_shift_hue(uint8_t *pixels, int64_t count, uint8_t shift);

/// Convolves with the separable kernel weights[|x|] * weights[|y|], |x|, |y| <= radius, the picture mirrored at its
/// edges; `radius` is less than either side. Scratch are `rows`, for 2 * radius + 1 pointers, and `line`, for
/// 3 * (width + 2 * radius) floats.
void kelip_blur(const uint8_t *source, int64_t width, int64_t height, const float *weights, int64_t radius,
                const uint8_t **rows, float *line, uint8_t *target);
