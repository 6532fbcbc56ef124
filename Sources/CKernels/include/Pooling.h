// Means and maxima over windows of channels-last maps.
#pragma once
#include <stdint.h>

/// Maps [B, height, width, channels] → [B, H', W', channels], H' = (height + 2·padding − kernel_height) / stride + 1. A
/// window has the places that lie inside the map: at least one.
typedef struct {
  int64_t height, width, channels;
  int64_t kernel_height, kernel_width, stride, padding;
  int64_t out_height, out_width;
} KelipPooling;

/// The operations that exist once a storage type. `void *` points at floats or at bfloat16 words. Each does rows `first`
/// ..< `end` of what it writes: of the B·H' (backward: B·height) rows of all maps.
typedef struct {
  /// y = the maxima; places = the number of each in its window, ky · kernel_width + kx, [B, H', W', channels] bytes (NULL:
  /// not wanted). As in torch a NaN is above all, and of equals the first counts (of NaNs the last).
  void (*maxima)(const KelipPooling *sizes, const void *x, void *y, uint8_t *places, int64_t first, int64_t end);
  /// dX = the sum of dY over the windows whose maximum the place is.
  void (*maxima_backward)(const KelipPooling *sizes, const void *dy, const uint8_t *places, void *dx, int64_t first,
                          int64_t end);
  /// y = the means.
  void (*means)(const KelipPooling *sizes, const void *x, void *y, int64_t first, int64_t end);
  /// dX = the sum of dY / the window's places over the windows that have the place.
  void (*means_backward)(const KelipPooling *sizes, const void *dy, void *dx, int64_t first, int64_t end);
} KelipPoolingTable;

extern const KelipPoolingTable kelip_pooling_f32;
extern const KelipPoolingTable kelip_pooling_bf16;
extern const KelipPoolingTable kelip_pooling_bf16_native;
