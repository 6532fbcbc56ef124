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
