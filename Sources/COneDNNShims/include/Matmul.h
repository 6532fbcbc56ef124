// Matrix products in bfloat16.
#pragma once
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef enum { KELIP_PLAIN = 0, KELIP_TRANSPOSED = 1, KELIP_PREPARED = 2 } KelipWeightLayout;

/// dst[M, N] (+)= src[M, K] · weights[K, N] + bias[N].
typedef struct {
  int64_t m, k, n;
  /// src is stored [K, M].
  int32_t source_transposed;
  /// weights are stored [K, N], [N, K], or as kelip_dnn_prepare left them.
  int32_t weight_layout;
  /// dst is 32-bit float, else bfloat16.
  int32_t float_output;
  int32_t has_bias;
  /// dst += instead of dst = .
  int32_t accumulate;
} KelipMatmulShape;

int kelip_dnn_matmul(const KelipMatmulShape *shape, const void *source, const void *weights, const float *bias,
                     void *destination);

/// Bytes that the library's preferred layout of bfloat16 weights [K, N] takes; negative on failure.
int64_t kelip_dnn_prepared_bytes(int64_t k, int64_t n);
/// Narrows 32-bit weights ([N, K] if `transposed`, else [K, N]) into that layout.
int kelip_dnn_prepare(int64_t k, int64_t n, int transposed, const float *weights, void *prepared);

/// oneDNN's name of the implementation that runs a shape, e.g. brg:avx512_core_amx_bf16.
const char *kelip_dnn_implementation(const KelipMatmulShape *shape);

#ifdef __cplusplus
}
#endif
