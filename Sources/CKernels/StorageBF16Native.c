// The loops of StorageBF16.c where the processor converts to bfloat16 itself (AVX-512 BF16): one instruction for
// eight. It rounds in the same way, but takes numbers below 2⁻¹²⁶ for 0.
#include <stdlib.h>

#include "CKernels.h"

#if defined(__x86_64__)
#define CLONES __attribute__((target("arch=x86-64-v4,avx512bf16")))
// The compiler takes the conversion for a costly one and would choose narrow vectors.
#define VECTOR _Pragma("clang loop vectorize(assume_safety) vectorize_width(16) interleave(enable)")
#include "PoolingWindows.h"
#include "TransposeBlock.h"
#include "Vector.h"

INLINE bf16 convert_bf16(float x) {
  __bf16 value = (__bf16)x;
  bf16 result;
  memcpy(&result, &value, 2);
  return result;
}

#define T bf16
#define WORD uint16_t
#define LOAD load_bf16
#define STORE convert_bf16
#define NAME(operation) operation##_bf16_native
#define TABLE kelip_kernels_bf16_native
#include "Storage.inc"

#define BATCH_NORM_TABLE kelip_batch_norm_bf16_native
#include "BatchNorm.inc"

#define MAP_TABLE kelip_maps_bf16_native
#include "AttentionPool.inc"
#include "FeatureMaps.inc"

#define POOLING_TABLE kelip_pooling_bf16_native
#include "Pooling.inc"

int kelip_bf16_native(void) {
  const char *choice = getenv("KELIP_MATRIX_UNIT");
  if (choice && !strcmp(choice, "off")) return 0;
  return __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16");
}
#else
const KelipKernelTable kelip_kernels_bf16_native = {0};
const KelipBatchNormTable kelip_batch_norm_bf16_native = {0};
const KelipMapTable kelip_maps_bf16_native = {0};
const KelipPoolingTable kelip_pooling_bf16_native = {0};
int kelip_bf16_native(void) { return 0; }
#endif
