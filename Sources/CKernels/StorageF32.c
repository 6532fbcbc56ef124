#include "CKernels.h"
#include "AttentionStrip.h"
#include "PoolingWindows.h"
#include "TransposeBlock.h"
#include "Vector.h"

#define T float
#define WORD uint32_t
#define LOAD load_f32
#define STORE store_f32
#define NAME(operation) operation##_f32
#define TABLE kelip_kernels_f32
#include "Storage.inc"

#define BATCH_NORM_TABLE kelip_batch_norm_f32
#include "BatchNorm.inc"

#define MAP_TABLE kelip_maps_f32
#include "AttentionPool.inc"
#include "FeatureMaps.inc"

#define POOLING_TABLE kelip_pooling_f32
#include "Pooling.inc"

#define ATTENTION_TABLE kelip_attention_f32
#include "Attention.inc"
