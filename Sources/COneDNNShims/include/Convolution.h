// 2-D convolutions without bias, channels last.
#pragma once
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/// Square kernels, strides and borders of zeros. Weights are 32-bit floats [outputs, inputs, kernel, kernel].
typedef struct {
  int64_t inputs, outputs, kernel, stride, padding;
  /// Maps are bfloat16, else 32-bit floats.
  int32_t is_bf16;
} KelipConvolutionShape;

/// One layer: its weights in the library's preferred layouts and its primitives, one set an input size.
typedef struct KelipConvolution KelipConvolution;

/// `weights` outlive the layer. NULL on failure.
KelipConvolution *kelip_dnn_convolution_create(const KelipConvolutionShape *shape, const float *weights);
void kelip_dnn_convolution_destroy(KelipConvolution *layer);
/// The weights have changed: copies are made anew at their next use.
void kelip_dnn_convolution_refresh(KelipConvolution *layer);

/// y[B, H', W', outputs] of x[B, H, W, inputs], H' = (H + 2·padding − kernel) / stride + 1.
int kelip_dnn_convolution_forward(KelipConvolution *layer, int64_t batch, int64_t height, int64_t width,
                                  const void *x, void *y);
/// dX[B, H, W, inputs] of dY; the sizes are those of x.
int kelip_dnn_convolution_backward_input(KelipConvolution *layer, int64_t batch, int64_t height, int64_t width,
                                         const void *dy, void *dx);
/// dWeights += ; 32-bit floats in the layout of the weights.
int kelip_dnn_convolution_backward_weights(KelipConvolution *layer, int64_t batch, int64_t height, int64_t width,
                                           const void *x, const void *dy, float *dweights);

/// oneDNN's names of the three implementations (forward, input gradient, weight gradient) for an input size.
const char *kelip_dnn_convolution_implementations(KelipConvolution *layer, int64_t batch, int64_t height,
                                                  int64_t width);

#ifdef __cplusplus
}
#endif
