// Batch norm over rows [R, C], a row a place of a channels-last map.
#pragma once
#include <stdint.h>

/// The operations that exist once a storage type. `void *` points at floats or at bfloat16 words.
typedef struct {
  /// sums[c] = Σᵣ x[r, c].
  void (*column_sums)(const void *x, double *sums, int64_t rows, int64_t columns);
  /// squares[c] = Σᵣ (x[r, c] − mean[c])².
  void (*column_squares)(const void *x, const float *mean, double *squares, int64_t rows, int64_t columns);
  /// y = (x − mean) · scale + bias + residual, and the ReLU of that; residual may be NULL.
  void (*batch_norm_apply)(const void *x, const void *residual, const float *mean, const float *scale,
                           const float *bias, void *y, int64_t rows, int64_t columns, int relu);
  /// dY = 0 where the result y of a ReLU is 0 (no ReLU: y is NULL), in place; of that
  /// sums[c] = Σᵣ dY, weighted[c] = Σᵣ dY · (x − mean) · rstd.
  void (*batch_norm_gradient_sums)(void *dy, const void *y, const void *x, const float *mean, const float *rstd,
                                   double *sums, double *weighted, int64_t rows, int64_t columns);
  /// dX = scale · (dY − shift − (x − mean) · slope); dX may be dY.
  void (*batch_norm_backward)(const void *dy, const void *x, const float *mean, const float *scale, const float *shift,
                              const float *slope, void *dx, int64_t rows, int64_t columns);
} KelipBatchNormTable;

extern const KelipBatchNormTable kelip_batch_norm_f32;
extern const KelipBatchNormTable kelip_batch_norm_bf16;
extern const KelipBatchNormTable kelip_batch_norm_bf16_native;
