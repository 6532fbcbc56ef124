#include "CKernels.h"
#include "AttentionStrip.h"
#include "PoolingWindows.h"
#include "TransposeBlock.h"
#include "Vector.h"

#define T bf16
#define WORD uint16_t
#define LOAD load_bf16
#define STORE store_bf16
#define NAME(operation) operation##_bf16
#define TABLE kelip_kernels_bf16
#include "Storage.inc"

#define BATCH_NORM_TABLE kelip_batch_norm_bf16
#include "BatchNorm.inc"

#define MAP_TABLE kelip_maps_bf16
#include "AttentionPool.inc"
#include "FeatureMaps.inc"

#define POOLING_TABLE kelip_pooling_bf16
#include "Pooling.inc"

#define ATTENTION_TABLE kelip_attention_bf16
#include "Attention.inc"
