// What a reconstruction loss does to its targets and predictions.
#include "CKernels.h"
#include "Vector.h"

CLONES void kelip_channel_affine(float *x, int64_t rows, int64_t pixels, const float *factor, const float *offset) {
  for (int64_t row = 0; row < rows; row++)
    for (int channel = 0; channel < 3; channel++) {
      float a = factor[channel], b = offset[channel];
      VECTOR for (int64_t i = 0; i < pixels; i++) x[i] = a * x[i] + b;
      x += pixels;
    }
}

CLONES void kelip_standardise_rows(float *x, int64_t rows, int64_t columns, float eps) {
  SUMS
  for (int64_t row = 0; row < rows; row++, x += columns) {
    float sum = 0, squares = 0;
    VECTOR for (int64_t c = 0; c < columns; c++) sum += x[c];
    float mean = sum / (float)columns;
    VECTOR for (int64_t c = 0; c < columns; c++) squares += (x[c] - mean) * (x[c] - mean);
    float inverse = 1.0f / sqrtf(squares / (float)(columns - 1) + eps);
    VECTOR for (int64_t c = 0; c < columns; c++) x[c] = (x[c] - mean) * inverse;
  }
}

CLONES void kelip_tanh(float *x, int64_t count) {
  VECTOR for (int64_t i = 0; i < count; i++) {
    // Beyond 15 both are ±1 in 32 bits, and the exponential stays finite.
    float bounded = x[i] > 15.0f ? 15.0f : x[i] < -15.0f ? -15.0f : x[i];
    float e = fast_exp(2.0f * bounded);
    // Near zero a difference of exponentials would cancel: the series, whose next term is below 2⁻²⁶ of the value.
    float square = bounded * bounded;
    float series =
        bounded *
        (1.0f +
         square * (-1.0f / 3 + square * (2.0f / 15 + square * (-17.0f / 315 + square * (62.0f / 2835)))));
    x[i] = square < 0.04f ? series : (e - 1.0f) / (e + 1.0f);
  }
}

CLONES double kelip_squared_error(const float *y, const float *target, float *dy, int64_t count, float factor) {
  SUMS
  double total = 0;
  // Sums in 32 bits over short stretches, in 64 across them.
  for (int64_t start = 0; start < count; start += 4096) {
    int64_t end = start + 4096 < count ? start + 4096 : count;
    float sum = 0;
    VECTOR for (int64_t i = start; i < end; i++) {
      float d = y[i] - target[i];
      sum += d * d;
      dy[i] = factor * d;
    }
    total += (double)sum;
  }
  return total;
}
