#include "Blocks.h"
#include "CKernels.h"
#include "Contrastive.h"
#include "MatrixUnit.h"
#include "Tiles.h"
#include "WorkerPool.h"

#if KELIP_HAS_TILES

#define T bf16
#define LOAD load_bf16
#define STORE store_bf16
#define TABLE kelip_contrastive_bf16
#define UNIT TILES
#define INNER TILES INLINE

enum { CHUNK = 512, STRIPE = 256 };

static void begin_products(void) { kelip_matrix_unit_begin(); }

INNER void load_block(const bf16 *rows, int64_t live, int64_t width, int64_t stride, bf16 *block) {
  __mmask32 mask = mask32(width);
  for (int64_t r = 0; r < BLOCK; r++)
    _mm512_store_si512(block + r * BLOCK,
                       r < live ? _mm512_maskz_loadu_epi16(mask, rows + r * stride) : _mm512_setzero_si512());
}

// The matrix unit takes K in pairs. Rows as columns: tiles [16 pairs of K][16 rows][2], one for each half of the rows.
// Rows as K: tiles [16 pairs of rows][16 values][2], one for each half of the values.
INNER void pack_block(const bf16 *block, bf16 *by_dim, bf16 *by_row) {
  for (int half = 0; half < 2; half++) {
    __m512i rows[16];
    for (int r = 0; r < 16; r++) rows[r] = _mm512_load_si512(block + (half * 16 + r) * BLOCK);
    transpose16(rows);
    for (int pair = 0; pair < 16; pair++) _mm512_store_si512(by_dim + half * 512 + pair * 32, rows[pair]);
    for (int pair = 0; pair < 16; pair++)
      _mm512_store_si512(by_row + half * 512 + pair * 32,
                         row_pair((const uint16_t *)block + 2 * pair * BLOCK + half * 16, BLOCK, 2, 16));
  }
}

// e^x by 2^n · 2^r: a polynomial on r in [−½, ½]; good to 1e-6 plus the rounding of x · log2 e. NaN passes through.
INNER __m512 exp2_vector(__m512 t) {
  __m512 n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), r = _mm512_sub_ps(t, n);
  __m512 p = _mm512_set1_ps(1.3333558e-3f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.6181291e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.5504109e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.4022651e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.9314718e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, n);
}

// What is still to be done with a finished block of scores: a few of its rows in each step of the next block's
// product, so that the vector units work under the matrix unit.
typedef struct {
  const float *scores;
  __m512 slope, offset;  // exponent to base 2 = score · slope + offset
  __mmask16 low, high;   // columns that there are
  // Sums: rows that there are, sixteen partial sums for each row, and the columns'.
  int64_t live;
  float *row_sums;
  __m512 column_low, column_high;
  // Softmax: factors, the column of row 0's match within this block, and where the 32 × 32 words go.
  const float *row_factor;
  __m512 factor_low, factor_high;
  int64_t match;
  bf16 *softmax;
} Finish;

INNER void finish_sums(Finish *f, int64_t from, int64_t to) {
  for (int64_t r = from; r < smaller(to, f->live); r++) {
    __m512 low = _mm512_load_ps(f->scores + r * BLOCK), high = _mm512_load_ps(f->scores + r * BLOCK + 16);
    low = _mm512_maskz_mov_ps(f->low, exp2_vector(_mm512_fmadd_ps(low, f->slope, f->offset)));
    high = _mm512_maskz_mov_ps(f->high, exp2_vector(_mm512_fmadd_ps(high, f->slope, f->offset)));
    float *row = f->row_sums + r * 16;
    _mm512_store_ps(row, _mm512_add_ps(_mm512_load_ps(row), _mm512_add_ps(low, high)));
    f->column_low = _mm512_add_ps(f->column_low, low);
    f->column_high = _mm512_add_ps(f->column_high, high);
  }
}

INNER void finish_softmax(Finish *f, int64_t from, int64_t to) {
  const __m512 two = _mm512_set1_ps(2.0f);
  for (int64_t r = from; r < to; r++) {
    __m512 low = _mm512_load_ps(f->scores + r * BLOCK), high = _mm512_load_ps(f->scores + r * BLOCK + 16);
    __m512 factor = _mm512_set1_ps(f->row_factor[r]);
    low = _mm512_mul_ps(exp2_vector(_mm512_fmadd_ps(low, f->slope, f->offset)), _mm512_add_ps(factor, f->factor_low));
    high = _mm512_mul_ps(exp2_vector(_mm512_fmadd_ps(high, f->slope, f->offset)), _mm512_add_ps(factor, f->factor_high));
    uint64_t match = (uint64_t)(f->match + r);
    if (match < BLOCK) {
      low = _mm512_mask_sub_ps(low, (__mmask16)(1u << match), low, two);
      high = _mm512_mask_sub_ps(high, (__mmask16)((1u << match) >> 16), high, two);
    }
    low = _mm512_maskz_mov_ps(f->low, low);
    high = _mm512_maskz_mov_ps(f->high, high);
    _mm512_store_si512(f->softmax + r * BLOCK, (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}

typedef enum { NOTHING, SUMS_OF_BLOCK, SOFTMAX_OF_BLOCK } FinishKind;

INNER void finish_rows(FinishKind kind, Finish *f, int64_t from, int64_t to) {
  if (kind == SUMS_OF_BLOCK) finish_sums(f, from, to);
  if (kind == SOFTMAX_OF_BLOCK) finish_softmax(f, from, to);
}

// The products of one step of K: four tiles of 16 × 16.
INNER void multiply_step(const bf16 *a, const bf16 *b) {
  _tile_loadd(4, a, 64);
  _tile_loadd(6, b, 64);
  _tile_loadd(7, b + 512, 64);
  _tile_loadd(5, a + 512, 64);
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

INNER void clear_tiles(void) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

INNER void store_tiles(float *c, int64_t stride) {
  _tile_stored(0, c, stride * 4);
  _tile_stored(1, c + 16, stride * 4);
  _tile_stored(2, c + 16 * stride, stride * 4);
  _tile_stored(3, c + 16 * stride + 16, stride * 4);
}

INNER void load_tiles(const float *c, int64_t stride) {
  _tile_loadd(0, c, stride * 4);
  _tile_loadd(1, c + 16, stride * 4);
  _tile_loadd(2, c + 16 * stride, stride * 4);
  _tile_loadd(3, c + 16 * stride + 16, stride * 4);
}

INNER void multiply_block(const bf16 *a, const bf16 *b, int64_t steps, float *c, int64_t stride, int accumulate) {
  if (accumulate)
    load_tiles(c, stride);
  else
    clear_tiles();
  for (int64_t k = 0; k < steps; k++, a += WORDS, b += WORDS) multiply_step(a, b);
  store_tiles(c, stride);
}

// scores[32, 32] = rows · columnsᵀ over `steps` blocks of K, and meanwhile what is left of the block before.
INNER void score_block(const bf16 *rows, const bf16 *panel, int64_t steps, float *scores, FinishKind kind,
                       Finish *before) {
  int64_t share = (BLOCK + steps - 1) / steps, done = 0;
  clear_tiles();
  for (int64_t k = 0; k < steps; k++, rows += WORDS, panel += WORDS) {
    multiply_step(rows, panel);
    int64_t to = smaller(BLOCK, done + share);
    finish_rows(kind, before, done, to);
    done = to;
  }
  store_tiles(scores, BLOCK);
}

INNER Finish finish_of(const KelipContrastive *side, const float *scores, int64_t column) {
  Finish f = {.scores = scores};
  f.slope = _mm512_set1_ps(side->scale * 1.44269504f);
  f.offset = _mm512_set1_ps(-side->shift * 1.44269504f);
  f.low = mask16(side->columns - column);
  f.high = mask16(side->columns - column - 16);
  return f;
}

INNER void add_column_sums(const Finish *f, float *sums) {
  _mm512_mask_storeu_ps(sums, f->low, _mm512_add_ps(_mm512_maskz_loadu_ps(f->low, sums), f->column_low));
  sums += 16;
  _mm512_mask_storeu_ps(sums, f->high, _mm512_add_ps(_mm512_maskz_loadu_ps(f->high, sums), f->column_high));
}

// Thirty-two rows against the columns of a chunk.
UNIT static void sum_rows(const KelipContrastive *side, const bf16 *own, int64_t row, int64_t chunk, float *columns) {
  _Alignas(64) float scores[2][WORDS], partial[BLOCK * 16];
  int64_t steps = blocks(side->dim), first = chunk * CHUNK, count = smaller(CHUNK, side->columns - first);
  const bf16 *panel = (const bf16 *)side->by_dim + first * steps * BLOCK;
  memset(partial, 0, sizeof partial);
  Finish before = {.live = 0};
  int64_t live = smaller(BLOCK, side->rows - row);
  for (int64_t p = 0; p < blocks(count); p++) {
    score_block(own, panel + p * steps * WORDS, steps, scores[p & 1], SUMS_OF_BLOCK, &before);
    if (p > 0) add_column_sums(&before, columns + first + (p - 1) * BLOCK);
    before = finish_of(side, scores[p & 1], first + p * BLOCK);
    before.column_low = before.column_high = _mm512_setzero_ps();
    before.live = live;
    before.row_sums = partial;
  }
  finish_sums(&before, 0, BLOCK);
  add_column_sums(&before, columns + first + (blocks(count) - 1) * BLOCK);
  for (int64_t r = 0; r < live; r++) side->row_sums[row + r] += (double)_mm512_reduce_add_ps(_mm512_load_ps(partial + r * 16));
}

// P of thirty-two rows against the columns of a chunk, [blocks of columns][32][32].
UNIT static void softmax_rows(const KelipContrastive *side, const bf16 *own, int64_t row, int64_t chunk,
                              bf16 *softmax) {
  _Alignas(64) float scores[2][WORDS];
  float factors[BLOCK];
  int64_t steps = blocks(side->dim), first = chunk * CHUNK, count = smaller(CHUNK, side->columns - first);
  const bf16 *panel = (const bf16 *)side->by_dim + first * steps * BLOCK;
  for (int64_t r = 0; r < BLOCK; r++) factors[r] = row + r < side->rows ? side->row_factors[row + r] : 0;
  Finish before = {.live = 0};
  for (int64_t p = 0; p < blocks(count); p++) {
    const bf16 *columns = panel + p * steps * WORDS;
    if (p == 0)
      score_block(own, columns, steps, scores[0], NOTHING, &before);
    else
      score_block(own, columns, steps, scores[p & 1], SOFTMAX_OF_BLOCK, &before);
    int64_t column = first + p * BLOCK;
    before = finish_of(side, scores[p & 1], column);
    before.row_factor = factors;
    before.factor_low = _mm512_maskz_loadu_ps(before.low, side->column_factors + column);
    before.factor_high = _mm512_maskz_loadu_ps(before.high, side->column_factors + column + 16);
    before.match = side->match + row - column;
    before.softmax = softmax + p * WORDS;
  }
  finish_softmax(&before, 0, BLOCK);
}

#include "ContrastiveTiles.inc"
#else
const KelipContrastiveTable kelip_contrastive_bf16 = {0};
#endif
