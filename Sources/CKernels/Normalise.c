#include "CKernels.h"
#include "Vector.h"

CLONES void kelip_l2_normalise(const float *x_, float *y_, float *norms, int64_t rows, int64_t columns) {
  SUMS
  for (int64_t row = 0; row < rows; row++) {
    const float *x = x_ + row * columns;
    float *y = y_ + row * columns, squares = 0;
    VECTOR for (int64_t c = 0; c < columns; c++) squares += x[c] * x[c];
    // The same floor as torch.nn.functional.normalize; a NaN is no smaller and stays.
    float norm = sqrtf(squares) < 1e-12f ? 1e-12f : sqrtf(squares);
    norms[row] = norm;
    VECTOR for (int64_t c = 0; c < columns; c++) y[c] = x[c] / norm;
  }
}

CLONES void kelip_l2_normalise_backward(const float *dy_, const float *y_, const float *norms, float *dx_,
                                        int64_t rows, int64_t columns) {
  SUMS
  for (int64_t row = 0; row < rows; row++) {
    const float *dy = dy_ + row * columns, *y = y_ + row * columns;
    float *dx = dx_ + row * columns, dot = 0, inverse = 1.0f / norms[row];
    VECTOR for (int64_t c = 0; c < columns; c++) dot += dy[c] * y[c];
    VECTOR for (int64_t c = 0; c < columns; c++) dx[c] = (dy[c] - y[c] * dot) * inverse;
  }
}

CLONES double kelip_sum_of_squares(const float *x, int64_t count) {
  SUMS
  double sum = 0;
  VECTOR for (int64_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
  return sum;
}

CLONES double kelip_dot(const float *x, const float *y, int64_t count) {
  SUMS
  double sum = 0;
  VECTOR for (int64_t i = 0; i < count; i++) sum += (double)x[i] * (double)y[i];
  return sum;
}

CLONES void kelip_scale(float *x, float factor, int64_t count) {
  VECTOR for (int64_t i = 0; i < count; i++) x[i] *= factor;
}
