// oneDNN behind a C interface: primitives are built once a shape and cached. Calls from several threads take turns
// (oneDNN itself may run more threads underneath each). A call that returns a status returns 0, or non-zero with the
// reason in kelip_dnn_last_error().
#pragma once
#include "Convolution.h"
#include "Matmul.h"
#ifdef __cplusplus
extern "C" {
#endif

const char *kelip_dnn_last_error(void);
const char *kelip_dnn_version(void);

#ifdef __cplusplus
}
#endif
