// Feature maps' layout, and attention pooling.
#pragma once
#include <stdint.h>

/// The operations that exist once a storage type. `void *` points at floats or at bfloat16 words.
typedef struct {
  /// images [B, C, P] -> y [B, P, C].
  void (*channels_last)(const float *images, void *y, int64_t batch, int64_t channels, int64_t places);
  /// y[b, 0] = mean of x[b] + positions[0]; y[b, 1 + i] = x[b, i] + positions[1 + i]; y is [B, 1 + P, C].
  void (*prepend_mean)(const void *x, const float *positions, void *y, int64_t batch, int64_t places, int64_t columns);
  /// dX[B, P, C] of dY.
  void (*prepend_mean_backward)(const void *dy, void *dx, int64_t batch, int64_t places, int64_t columns);
  /// dPositions += Σ_b dY[b], of the elements `first` ..< `end` of `count` = (1 + P) · C.
  void (*add_positions)(const void *dy, float *dpositions, int64_t batch, int64_t count, int64_t first, int64_t end);
  /// out[B, W] = softmax(q · Kᵀ / √d) V a head; q [B, W], k and v [B·T, W], W = H · d. Saves p [B, H, T].
  void (*attention_pool)(const void *q, const void *k, const void *v, float *p, void *out, int64_t batch,
                         int64_t tokens, int64_t heads, int64_t size);
  /// dQ, dK, dV of dOut; `scratch` holds T floats.
  void (*attention_pool_backward)(const void *dout, const void *q, const void *k, const void *v, const float *p,
                                  float *scratch, void *dq, void *dk, void *dv, int64_t batch, int64_t tokens,
                                  int64_t heads, int64_t size);
} KelipMapTable;

extern const KelipMapTable kelip_maps_f32;
extern const KelipMapTable kelip_maps_bf16;
extern const KelipMapTable kelip_maps_bf16_native;
