// 2-D pooling, channels last.
#pragma once
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/// Maps [B, height, width, channels] → [B, H', W', channels], H' = (height + 2·padding − kernel_height) / stride + 1.
typedef struct {
  int64_t batch, height, width, channels;
  int64_t kernel_height, kernel_width, stride, padding;
  /// The mean of the places inside the map, else the maximum.
  int32_t is_average;
  /// Maps are bfloat16, else 32-bit floats.
  int32_t is_bf16;
} KelipPoolingShape;

/// Bytes that the forward pass of a maximum leaves for backward; 0 for an average, negative on failure.
int64_t kelip_dnn_pooling_workspace_bytes(const KelipPoolingShape *shape);
/// `workspace` is NULL where no backward follows.
int kelip_dnn_pooling_forward(const KelipPoolingShape *shape, const void *x, void *y, void *workspace);
int kelip_dnn_pooling_backward(const KelipPoolingShape *shape, const void *dy, const void *workspace, void *dx);

#ifdef __cplusplus
}
#endif
