// Vector loops that no library offers, in two storage types: 32-bit floats and bfloat16.
//
// Shapes: R rows, C columns (row major). All arithmetic is in 32-bit floats; only storage is narrowed.
// Every backward accumulates (+=) into parameter gradients and says so where it accumulates into others.
#pragma once
#include <stdint.h>

#include "Attention.h"
#include "BatchNorm.h"
#include "Contrastive.h"
#include "FeatureMaps.h"
#include "FloatProducts.h"
#include "MatrixConvolution.h"
#include "MatrixUnit.h"
#include "Pooling.h"
#include "RankCounts.h"
#include "WorkerPool.h"

/// The operations that exist once a storage type. `void *` points at floats or at bfloat16 words.
typedef struct {
  /// h = x + r (r may be NULL: h is not written), y = layer norm of h; saves mean[R], rstd[R].
  void (*add_layer_norm_forward)(const void *x, const void *r, const float *gain, const float *bias, void *h,
                                 void *y, float *mean, float *rstd, int64_t rows, int64_t columns, float eps);
  /// dH += gradient through the norm; dGain += , dBias += .
  void (*layer_norm_backward)(const void *dy, const void *h, const float *gain, const float *mean,
                              const float *rstd, void *dh, float *dgain, float *dbias, int64_t rows,
                              int64_t columns);
  /// y[r, c] = bias[c].
  void (*broadcast_rows)(const float *bias, void *y, int64_t rows, int64_t columns);
  /// dBias[c] += sum over rows, `stride` elements apart, of dY[r, c].
  void (*add_column_sums)(const void *dy, float *dbias, int64_t rows, int64_t columns, int64_t stride);
  void (*quick_gelu_forward)(const void *x, void *y, int64_t count);
  /// dX = dY · act'(x); dX may be dY.
  void (*quick_gelu_backward)(const void *dy, const void *x, void *dx, int64_t count);
  void (*gelu_forward)(const void *x, void *y, int64_t count);
  void (*gelu_backward)(const void *dy, const void *x, void *dx, int64_t count);
  void (*tanh_forward)(const void *x, void *y, int64_t count);
  /// dX = dY · (1 − y²); dX may be dY.
  void (*tanh_backward)(const void *dy, const void *y, void *dx, int64_t count);
  /// y[i] += x[i].
  void (*add_in_place)(const void *x, void *y, int64_t count);
  void (*from_float)(const float *x, void *y, int64_t count);
  void (*to_float)(const void *x, float *y, int64_t count);
  /// y[c, r] = x[r, c]; columns of y beyond R up to `stride` are not touched.
  void (*transpose)(const void *x, void *y, int64_t rows, int64_t columns, int64_t stride);
  /// y[r] = table[ids[r]] + positions[position[r]], C wide; negative id gives a zero row (row padding).
  void (*embed_tokens)(const float *table, const float *positions, const int32_t *ids, const int32_t *position,
                       void *y, int64_t rows, int64_t columns);
  /// dTable[ids[r]] += dY[r], dPositions[position[r]] += dY[r]; negative ids are skipped.
  void (*embed_tokens_backward)(const void *dy, const int32_t *ids, const int32_t *position, float *dtable,
                                float *dpositions, int64_t rows, int64_t columns);
  /// patches[r] = patch index[r] = b·P + cell of images [B, 3, H, W], in (channel, y, x) order; P = (H/p)·(W/p).
  void (*gather_patches)(const float *images, const int32_t *index, void *patches, int64_t rows, int64_t height,
                         int64_t width, int64_t patch);
  /// y[r] = (source[r] < 0 ? token : x[source[r]]) + positions[position[r]].
  void (*assemble_tokens)(const void *x, const float *token, const float *positions, const int32_t *source,
                          const int32_t *position, void *y, int64_t rows, int64_t columns);
  /// dX[source[r]] = dY[r], or dToken += dY[r] for a negative source; dPositions[position[r]] += dY[r].
  void (*assemble_tokens_backward)(const void *dy, const int32_t *source, const int32_t *position, void *dx,
                                   float *dtoken, float *dpositions, int64_t rows, int64_t columns);
  /// y[i] = x[index[i]], i < R.
  void (*gather_rows)(const void *x, const int32_t *index, void *y, int64_t rows, int64_t columns);
  /// y[index[i]] = x[i], i < R; other rows stay.
  void (*scatter_rows)(const void *x, const int32_t *index, void *y, int64_t rows, int64_t columns);
} KelipKernelTable;

extern const KelipKernelTable kelip_kernels_f32;
extern const KelipKernelTable kelip_kernels_bf16;
/// The same with the processor's own conversion: equal but for numbers below 2⁻¹²⁶, which become 0. Only where
/// `kelip_bf16_native`.
extern const KelipKernelTable kelip_kernels_bf16_native;
/// 1 where this processor converts to bfloat16 and KELIP_MATRIX_UNIT is not "off".
int kelip_bf16_native(void);

/// Softmax of scale·s over each row in place; with `causal`, row i sees columns 0…i and the rest become 0.
void kelip_softmax_rows(float *scores, int64_t rows, int64_t columns, int64_t stride, float scale, int causal);
/// dS = scale · P ⊙ (dP − rowsum(dP ⊙ P)), in place of dP.
void kelip_softmax_backward(const float *p, float *dp, int64_t rows, int64_t columns, int64_t stride, float scale);

/// Online log-sum-exp: folds scale·s[r, 0…C) into (maximum[r], sum[r]), sum relative to the maximum.
void kelip_log_sum_exp_tile(const float *scores, int64_t rows, int64_t columns, float scale, float *maximum,
                            double *sum);
/// scores[r, c] becomes exp(scale·s − rowLSE[r]) + exp(scale·s − columnLSE[c]); returns Σ of that times s.
double kelip_contrastive_tile(float *scores, int64_t rows, int64_t columns, float scale, const float *row_lse,
                              const float *column_lse);

/// y = x / ‖x‖ a row; norms saved. A zero row stays zero.
void kelip_l2_normalise(const float *x, float *y, float *norms, int64_t rows, int64_t columns);
/// dX = (dY − y (y·dY)) / ‖x‖.
void kelip_l2_normalise_backward(const float *dy, const float *y, const float *norms, float *dx, int64_t rows,
                                 int64_t columns);

/// dX = factor · sign(x − target); returns Σ |x − target|. Sums in 32 bits: for runs of a few thousand.
double kelip_l1(const float *x, const float *target, float *dx, int64_t count, float factor);

/// scores[r] = rows[r] · query, with R rows; a score depends on row and query alone.
void kelip_score_rows_bf16(const void *rows, const float *query, float *scores, int64_t count, int64_t columns);
void kelip_score_rows_f32(const float *rows, const float *query, float *scores, int64_t count, int64_t columns);

/// Σ x² in 64 bits, in a fixed order.
double kelip_sum_of_squares(const float *x, int64_t count);
double kelip_dot(const float *x, const float *y, int64_t count);
void kelip_scale(float *x, float factor, int64_t count);

typedef struct {
  float lr, beta1, beta2, eps, weight_decay, gradient_scale;
  /// 1 − beta1 and 1 − beta2, taken in 64 bits.
  float rest1, rest2;
  /// 1 − beta1^t and sqrt(1 − beta2^t).
  float bias_correction1, bias_correction2_sqrt;
} KelipAdamW;

/// Σ g²/max(v̂, eps²) with the second moment as the step to come will have it (Wortsman et al. 2023, StableAdamW).
double kelip_update_ratio_sum(const float *g, const float *v, int64_t count, const KelipAdamW *settings);

/// One AdamW step (Loshchilov & Hutter 2019, as torch.optim.AdamW) over a contiguous range.
void kelip_adamw(float *w, const float *g, float *m, float *v, int64_t count, const KelipAdamW *settings);
/// One step of Adam with L2 regularisation (Kingma & Ba 2015, as torch.optim.Adam): the decay joins the gradient.
void kelip_adam(float *w, const float *g, float *m, float *v, int64_t count, const KelipAdamW *settings);

/// Rows of three channels of `pixels` each: x = factor[channel] · x + offset[channel].
void kelip_channel_affine(float *x, int64_t rows, int64_t pixels, const float *factor, const float *offset);
/// x = (x − mean) / sqrt(variance + eps) a row, with the variance over C − 1.
void kelip_standardise_rows(float *x, int64_t rows, int64_t columns, float eps);
/// Σ (y − target)²; dY = factor · (y − target).
double kelip_squared_error(const float *y, const float *target, float *dy, int64_t count, float factor);
