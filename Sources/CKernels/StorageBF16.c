#include "CKernels.h"
#include "Vector.h"

#define T bf16
#define WORD uint16_t
#define LOAD load_bf16
#define STORE store_bf16
#define NAME(operation) operation##_bf16
#define TABLE kelip_kernels_bf16
#include "Storage.inc"
