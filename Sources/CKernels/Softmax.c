#include "CKernels.h"
#include "Vector.h"

// Largest of scale·x and `start`. Sixteen running maxima, since a single one is not re-associated: it would
// have to say which of +0, −0 and NaN wins. A NaN is passed over here and comes back through the sum.
INLINE float largest(const float *x, int64_t count, float scale, float start) {
  float lanes[16];
  for (int i = 0; i < 16; i++) lanes[i] = start;
  int64_t c = 0;
  for (; c + 16 <= count; c += 16)
    for (int i = 0; i < 16; i++) lanes[i] = scale * x[c + i] > lanes[i] ? scale * x[c + i] : lanes[i];
  for (; c < count; c++) lanes[0] = scale * x[c] > lanes[0] ? scale * x[c] : lanes[0];
  for (int i = 1; i < 16; i++) lanes[0] = lanes[i] > lanes[0] ? lanes[i] : lanes[0];
  return lanes[0];
}

CLONES void kelip_softmax_rows(float *scores, int64_t rows, int64_t columns, int64_t stride, float scale,
                               int causal) {
  SUMS
  for (int64_t row = 0; row < rows; row++) {
    float *s = scores + row * stride;
    int64_t seen = causal && row + 1 < columns ? row + 1 : columns;
    float maximum = largest(s, seen, scale, -FLT_MAX), sum = 0;
    VECTOR for (int64_t c = 0; c < seen; c++) {
      float e = fast_exp(scale * s[c] - maximum);
      s[c] = e;
      sum += e;
    }
    float inverse = 1.0f / sum;
    VECTOR for (int64_t c = 0; c < seen; c++) s[c] *= inverse;
    VECTOR for (int64_t c = seen; c < columns; c++) s[c] = 0;
  }
}

CLONES void kelip_softmax_backward(const float *p_, float *dp_, int64_t rows, int64_t columns, int64_t stride,
                                   float scale) {
  SUMS
  for (int64_t row = 0; row < rows; row++) {
    const float *p = p_ + row * stride;
    float *dp = dp_ + row * stride, dot = 0;
    VECTOR for (int64_t c = 0; c < columns; c++) dot += p[c] * dp[c];
    VECTOR for (int64_t c = 0; c < columns; c++) dp[c] = scale * p[c] * (dp[c] - dot);
  }
}

CLONES void kelip_log_sum_exp_tile(const float *scores, int64_t rows, int64_t columns, float scale, float *maximum,
                                   double *sum) {
  SUMS
  for (int64_t row = 0; row < rows; row++) {
    const float *s = scores + row * columns;
    float top = largest(s, columns, scale, maximum[row]), total = 0;
    VECTOR for (int64_t c = 0; c < columns; c++) total += fast_exp(scale * s[c] - top);
    sum[row] = sum[row] * exp((double)maximum[row] - (double)top) + (double)total;
    maximum[row] = top;
  }
}

CLONES double kelip_contrastive_tile(float *scores, int64_t rows, int64_t columns, float scale, const float *row_lse,
                                     const float *column_lse) {
  SUMS
  double total = 0;
  for (int64_t row = 0; row < rows; row++) {
    float *s = scores + row * columns, lse = row_lse[row], sum = 0;
    VECTOR for (int64_t c = 0; c < columns; c++) {
      float score = s[c], v = scale * score;
      float p = fast_exp(v - lse) + fast_exp(v - column_lse[c]);
      sum += p * score;
      s[c] = p;
    }
    total += (double)sum;
  }
  return total;
}
