// 2-D convolutions in bfloat16 on the matrix unit, channels last, without bias: products over shifted views of a map that
// is copied, piece by piece of what the second-level cache holds, into a form with borders of zeros.
#pragma once
#include <stdint.h>

/// Maps x[B, H, W, inputs] → y[B, H', W', outputs]; square kernels, strides and borders,
/// H' = (H + 2·padding − kernel) / stride + 1.
typedef struct {
  int64_t inputs, outputs, kernel, stride, padding;
  int64_t batch, height, width;
} KelipConvolution2D;

/// Sums over y's rows that forward makes on the way, [outputs] each: with a pivot p near the mean, Σ(y − p) and Σ(y − p)².
typedef struct {
  float *pivot;
  double *sums, *squares;
} KelipColumnMoments;

/// The gradient of what a convolution yields, of which a batch norm was made, put together where it is read:
/// scale · (dY − shift − (y − mean) · slope), [outputs] each; y is the convolution's own result.
typedef struct {
  const void *y;
  const float *mean, *scale, *shift, *slope;
} KelipNormGradient;

/// 1 if the kernels below take these channels here: whole groups of 32, or rows of a window that fit in 32 (a stem, which
/// has no input gradient).
int kelip_convolution_fits(const KelipConvolution2D *sizes);
/// 1 if the input gradient can be had as well.
int kelip_convolution_has_input_gradient(const KelipConvolution2D *sizes);

/// Bytes of a copy of the weights for forward, and for the input gradient.
int64_t kelip_convolution_weight_bytes(const KelipConvolution2D *sizes);
/// Copies made of 32-bit weights [outputs, inputs, k, k]; either may be NULL.
void kelip_convolution_pack(const KelipConvolution2D *sizes, const float *weights, void *forward, void *backward);

/// `moments` may be NULL.
void kelip_convolution_forward(const KelipConvolution2D *sizes, const void *x, const void *weights, void *y,
                               const KelipColumnMoments *moments);
/// From dY[B, H', W', outputs], which `norm` (may be NULL) takes through a batch norm first: dX (`dx` NULL: left out; += if
/// `accumulate`) and dWeights[outputs, inputs, k, k] += (`dweights` NULL: left out).
void kelip_convolution_backward(const KelipConvolution2D *sizes, const void *x, const void *dy,
                                const KelipNormGradient *norm, const void *weights, void *dx, int accumulate,
                                float *dweights);
