// The three products of a convolution on the matrix unit, in blocks of 32 positions × 32 channels: four tiles of sums, two
// of each operand.
#include <string.h>

#include "ConvolutionProducts.h"

#if KELIP_HAS_TILES

/// Sums of 32 columns about their pivots: Σ(y − p) and Σ(y − p)² of y as it is stored.
typedef struct {
  __m512 pivot[2], sums[2], squares[2];
} Moments;

TILES INLINE void add_moments(Moments *m, __m512i row) {
  __m512 y[2];
  widen(row, y);
  for (int i = 0; i < 2; i++) {
    __m512 d = _mm512_sub_ps(y[i], m->pivot[i]);
    m->sums[i] = _mm512_add_ps(m->sums[i], d);
    m->squares[i] = _mm512_fmadd_ps(d, d, m->squares[i]);
  }
}

/// The mean of a block's places, near enough to that of all rows for nothing to be lost beside it. In bf16, as y is: the
/// low bits of y − p would else be the same in every row, and their rounding errors would add up.
TILES static void set_pivot(const float *sums, const int32_t *place, float *pivot) {
  __m512 total[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  float count = 0;
  for (int64_t r = 0; r < 32; r++)
    if (place[r] >= 0) {
      count += 1;
      for (int i = 0; i < 2; i++) total[i] = _mm512_add_ps(total[i], _mm512_load_ps(sums + r * 32 + i * 16));
    }
  __m512 share = _mm512_set1_ps(count > 0 ? 1 / count : 0);
  for (int i = 0; i < 2; i++) total[i] = _mm512_mul_ps(total[i], share);
  widen((__m512i)_mm512_cvtne2ps_pbh(total[1], total[0]), total);
  for (int i = 0; i < 2; i++) _mm512_storeu_ps(pivot + i * 16, total[i]);
}

TILES static void clear_moments(Moments *m, const float *pivot) {
  for (int i = 0; i < 2; i++) {
    m->pivot[i] = _mm512_loadu_ps(pivot + i * 16);
    m->sums[i] = m->squares[i] = _mm512_setzero_ps();
  }
}

TILES static void fold_moments(const Moments *m, double *sums, double *squares) {
  for (int i = 0; i < 4; i++) {
    __m256 sum = i & 1 ? _mm512_extractf32x8_ps(m->sums[i / 2], 1) : _mm512_castps512_ps256(m->sums[i / 2]);
    __m256 square = i & 1 ? _mm512_extractf32x8_ps(m->squares[i / 2], 1) : _mm512_castps512_ps256(m->squares[i / 2]);
    _mm512_storeu_pd(sums + i * 8, _mm512_add_pd(_mm512_loadu_pd(sums + i * 8), _mm512_cvtps_pd(sum)));
    _mm512_storeu_pd(squares + i * 8, _mm512_add_pd(_mm512_loadu_pd(squares + i * 8), _mm512_cvtps_pd(square)));
  }
}

/// A block of results on its way to memory: a few rows at a time, while the matrix unit works at the next block.
typedef struct {
  const float *sums;
  const Right *to;
  int64_t first, group;   // positions, and columns of 32
  int64_t next;           // row to be stored; 32 when all are
  int opens, closes;      // a run of blocks whose moments are summed in 32 bits
  Moments moments;
} Pending;

TILES INLINE void store_rows(Pending *p, int64_t most) {
  const Right *to = p->to;
  const KelipColumnMoments *all = to->moments;
  int64_t end = kelip_least(p->next + most, 32);
  if (all && p->next == 0 && p->opens) clear_moments(&p->moments, all->pivot + p->group * 32);
  for (int64_t r = p->next; r < end; r++) {
    int32_t place = to->place[p->first + r];
    if (place < 0) continue;
    char *y = to->rows + place * to->row + p->group * 64;
    __m512 z[2] = {_mm512_load_ps(p->sums + r * 32), _mm512_load_ps(p->sums + r * 32 + 16)};
    if (to->accumulate) {
      __m512 before[2];
      widen(_mm512_loadu_si512(y), before);
      for (int i = 0; i < 2; i++) z[i] = _mm512_add_ps(z[i], before[i]);
    }
    __m512i row = (__m512i)_mm512_cvtne2ps_pbh(z[1], z[0]);
    _mm512_storeu_si512(y, row);
    if (all) add_moments(&p->moments, row);
  }
  p->next = end;
  if (all && end == 32 && p->closes) fold_moments(&p->moments, all->sums + p->group * 32, all->squares + p->group * 32);
}

/// Reads ahead what `store_rows` will add to: rows far apart, which the processor does not foresee.
TILES INLINE void prefetch_rows(const Right *to, int64_t first, int64_t group) {
  for (int64_t r = 0; r < 32; r++)
    if (to->place[first + r] >= 0)
      _mm_prefetch(to->rows + to->place[first + r] * to->row + group * 64, _MM_HINT_T0);
}

/// sums[32][32] = Σ over groups and taps of left(tap) · weights; stores what is pending on the way.
TILES static void multiply_block(const Left *left, const char *rows, int64_t groups, const int64_t *shifts,
                                 int64_t taps, const char *weights, Pending *pending, float *sums) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  int64_t row = left->row, steps = groups * taps, share = steps ? (32 - pending->next + steps - 1) / steps : 0;
  for (int64_t group = 0; group < groups; group++, rows += left->group)
    for (int64_t tap = 0; tap < taps; tap++, weights += 2048) {
      const char *a = rows + shifts[tap];
      _tile_loadd(4, a, row);
      _tile_loadd(6, weights, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, weights + 1024, 64);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(5, a + 16 * row, row);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
      if (pending->next < 32) store_rows(pending, share);
    }
  if (pending->next < 32) store_rows(pending, 32);
  _tile_stored(0, sums, 128);
  _tile_stored(1, sums + 16, 128);
  _tile_stored(2, sums + 16 * 32, 128);
  _tile_stored(3, sums + 16 * 32 + 16, 128);
}

/// The places of `count` maps; returns where they end.
TILES static int32_t *fill_places(const Grid *grid, int64_t count, int64_t height, int64_t width, int64_t stride,
                                  int64_t phase, int32_t *places) {
  int32_t *next = places;
  int64_t y0 = phase / stride, x0 = phase % stride;
  for (int64_t map = 0; map < count; map++)
    for (int64_t row = 0; row < grid->rows; row++)
      for (int64_t column = 0; column < grid->columns; column++) {
        int64_t y = row * stride + y0, x = column * stride + x0;
        *next++ = y < height && x < width ? (int32_t)((map * height + y) * width + x) : -1;
      }
  while ((next - places) % 32) *next++ = -1;
  return next;
}

int64_t kelip_places_count(const Grid *grid) {
  return positions(grid, grid->images) + positions(grid, grid->batch % grid->images);
}

Places kelip_make_places(const Grid *grid, int64_t height, int64_t width, int64_t stride, int64_t phase,
                         int32_t *memory) {
  int32_t *last = fill_places(grid, grid->images, height, width, stride, phase, memory);
  fill_places(grid, grid->batch % grid->images, height, width, stride, phase, last);
  return (Places){memory, last};
}

// Blocks of positions whose sums are in 32 bits.
#define SUMMED_BLOCKS 4

// Positions whose results lie together in the second-level cache before the next ones begin.
#define POSITIONS_AT_ONCE 256

/// Every block of 32 positions × 32 columns of a piece.
TILES void kelip_multiply_piece(const Product *p, int64_t positions, const Right *to, int is_first) {
  _Alignas(64) float sums[2][32 * 32];
  const int64_t run = 32 * SUMMED_BLOCKS;
  Pending pending = {.to = to, .next = 32};
  int turn = 0;
  for (int64_t chunk = 0; chunk < positions; chunk += POSITIONS_AT_ONCE) {
    int64_t end = kelip_least(chunk + POSITIONS_AT_ONCE, positions);
    const char *weights = p->weights;
    for (int64_t group = 0; group < p->groups; group++, weights += p->depth * p->taps * 2048)
      for (int64_t first = chunk; first < end; first += 32, turn ^= 1) {
        if (to->accumulate) prefetch_rows(to, first, group);
        multiply_block(&p->left, p->left.rows + first * p->left.row, p->depth, p->shifts, p->taps, weights, &pending,
                       sums[turn]);
        if (to->moments && is_first && first == 0) set_pivot(sums[turn], to->place, to->moments->pivot + group * 32);
        pending.sums = sums[turn];
        pending.first = first;
        pending.group = group;
        pending.next = 0;
        pending.opens = first % run == 0;
        pending.closes = (first + 32) % run == 0 || first + 32 >= end;
      }
  }
  if (pending.next < 32) store_rows(&pending, 32);
}
#endif
