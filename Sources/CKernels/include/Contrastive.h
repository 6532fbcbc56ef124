// One side of the global contrastive loss, in blocks of 32 × 32 similarities that never leave the cache.
//
// Letters: b rows of this rank, B columns (all rows of the other modality), D joint dimension. With E = exp(z − shift),
// z = scale · similarity, the sums over rows and over columns are of the same E, and both softmaxes are
// E · (row factor + column factor), a factor being 1 / sum.
#pragma once
#include <stdint.h>

typedef struct {
  int64_t rows, columns, dim;
  /// Unit vectors in the table's storage type: [b, D] and [B, D].
  const void *own, *other;
  /// Two copies of `other`, packed as right operands; packed_words elements each, on a cache line.
  void *by_dim, *by_row;
  float scale, shift;
  /// Written by `sums`: Σ of E over each row, [b], and over this rank's rows of each column, [B].
  double *row_sums, *column_sums;
  /// Read by `gradient`: [b] and [B].
  const float *row_factors, *column_factors;
  /// The column that row 0 is paired with; row r is with column `match + r`.
  int64_t match;
  /// The features and their lengths, [b, D] and [b].
  const float *features, *norms;
  /// Written by `gradient`: dL/dFeatures [b, D], and Σ unit · dUnit of each row, [b].
  float *dfeatures;
  double *scale_gradients;
  /// Threads that may share the work.
  int64_t workers;
  /// scratch_bytes, on a cache line.
  void *scratch;
} KelipContrastive;

/// The passes for a storage type of the unit vectors. All sums are in 32 or 64 bits, in an order that depends on the
/// shape only: any number of workers gives the same bits.
typedef struct {
  /// unit = x / ‖x‖ a row, [R, D]; norms saved.
  void (*normalise)(const float *x, void *unit, float *norms, int64_t rows, int64_t dim);
  /// dots[r] = x[r] · y[r].
  void (*row_dots)(const void *x, const void *y, double *dots, int64_t rows, int64_t dim);
  int64_t (*packed_words)(int64_t columns, int64_t dim);
  /// For the sizes and the workers of `side`.
  int64_t (*scratch_bytes)(const KelipContrastive *side);
  void (*pack)(const KelipContrastive *side);
  void (*sums)(const KelipContrastive *side);
  void (*gradient)(const KelipContrastive *side);
} KelipContrastiveTable;

extern const KelipContrastiveTable kelip_contrastive_f32;
/// Only where kelip_matrix_unit() says so.
extern const KelipContrastiveTable kelip_contrastive_bf16;
