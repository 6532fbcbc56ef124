// Products of matrices of 32-bit floats on 512-bit vectors, with what follows a product done while its result is in
// cache.
//
// OpenBLAS stays the path of every other machine.
#pragma once
#include <stdint.h>

#include "MatrixUnit.h"

/// 1 where this machine has AVX-512 and KELIP_MATRIX_UNIT is not "off". Asks once.
int kelip_vector_unit(void);

/// A stored matrix: its rows lie `stride` elements apart; with `transposed` its transpose is meant.
typedef struct {
  const float *start;
  int64_t stride;
  int transposed;
} KelipMatrix;

/// z[M, N] = A[M, K] · B[K, N] + bias; each element's sum is taken in an order that depends on K alone.
typedef struct {
  /// All from 1 on.
  int64_t m, k, n;
  KelipMatrix a, b;
  /// Rows `c_stride` elements apart; overlaps no operand.
  float *c;
  int64_t c_stride;
  /// C += z; only with KELIP_STORE and without bias.
  int accumulate;
  /// [N], or NULL.
  const float *bias;
  /// [M] += sums of A's rows, or NULL; A transposed only: a layer's bias gradient on the way to its weights'.
  float *row_sums;
  /// One of KelipEpilogue.
  int epilogue;
  /// [M, N], rows `c_stride` elements apart; overlaps nothing else.
  float *saved;
} KelipFloatProduct;

/// Blocks of C are shared out over the worker pool (`WorkerPool.h`).
void kelip_multiply_floats(const KelipFloatProduct *product);
