// The three products of a convolution on the matrix unit, in blocks of 32 positions × 32 channels: four tiles of sums, two
// of each operand.
#include <string.h>

#include "ConvolutionStaging.h"
#include "ConvolutionWeights.h"
#include "MatrixUnit.h"

#if KELIP_HAS_TILES

/// Cuts a piece of `bytes` off `*from`.
static char *cut(char **from, int64_t bytes) {
  char *piece = *from;
  *from += kelip_up(bytes, 64);
  return piece;
}

/// A left operand: rows `row` bytes apart, groups of 32 channels `group` bytes apart.
typedef struct {
  const char *rows;
  int64_t row, group;
} Left;

/// Where results go: rows `row` bytes apart, of which place[p] is position p's; none if negative.
typedef struct {
  char *rows;
  int64_t row;
  const int32_t *place;
  int accumulate;
  const KelipColumnMoments *moments;
} Right;

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

/// places[p] of a piece's positions, rounded up to 32: the row of its map that position p is, or −1.
TILES static void fill_places(const Grid *grid, int64_t count, int64_t height, int64_t width, int64_t stride, int64_t phase,
                        int32_t *places) {
  int32_t *next = places;
  int64_t y0 = phase / stride, x0 = phase % stride;
  for (int64_t map = 0; map < count; map++)
    for (int64_t row = 0; row < grid->rows; row++)
      for (int64_t column = 0; column < grid->columns; column++) {
        int64_t y = row * stride + y0, x = column * stride + x0;
        *next++ = y < height && x < width ? (int32_t)((map * height + y) * width + x) : -1;
      }
  while ((next - places) % 32) *next++ = -1;
}

/// A product's operands: `depth` groups of the left one's channels, `groups` of the right one's.
typedef struct {
  Left left;
  int64_t depth, taps, groups;
  const int64_t *shifts;
  const char *weights;
} Product;

// Blocks of positions whose sums are in 32 bits.
#define SUMMED_BLOCKS 4

// Positions whose results lie together in the second-level cache before the next ones begin.
#define POSITIONS_AT_ONCE 256

/// Every block of 32 positions × 32 columns of a piece.
TILES static void multiply_piece(const Product *p, int64_t positions, const Right *to, int is_first) {
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

static int64_t positions(const Grid *grid, int64_t count) { return kelip_up(count * grid->rows * grid->columns, 32); }

int kelip_convolution_fits(const KelipConvolution2D *sizes) {
  Grid grid;
  return kelip_matrix_unit() && kelip_grid(sizes, &grid);
}

int kelip_convolution_has_input_gradient(const KelipConvolution2D *sizes) {
  Grid grid;
  return kelip_matrix_unit() && kelip_grid(sizes, &grid) && !grid.windowed;
}

/// A piece of x in the form that forward's taps read.
TILES static void stage_input(const Grid *grid, const KelipConvolution2D *s, const char *x, int64_t count, char *planes) {
  if (grid->windowed) {
    kelip_stage_lines(grid, s, x, count, planes);
  } else {
    kelip_stage_input(grid, x, count, planes);
  }
}

static int64_t input_bytes(const Grid *grid) {
  return grid->windowed ? kelip_lines_bytes(grid) : kelip_staged_bytes(grid, grid->depth, grid->phases);
}

/// Bytes from a staged piece's start to what tap `tap` reads for position 0.
static int64_t input_shift(const Grid *grid, int64_t tap) {
  if (grid->windowed)
    return grid->phase[tap] * grid->images * grid->rows * grid->line * 2 + grid->shift[tap];
  return (grid->phase[tap] * grid->depth * grid->pitch + grid->lead + grid->shift[tap]) * 64;
}

TILES void kelip_convolution_forward(const KelipConvolution2D *s, const void *x, const void *weights, void *y,
                               const KelipColumnMoments *moments) {
  Grid grid;
  if (!kelip_grid(s, &grid)) return;
  kelip_matrix_unit_begin();
  int64_t most = positions(&grid, grid.images), staged = input_bytes(&grid);
  char *memory = kelip_thread_scratch(staged + most * 4 + 128);
  char *planes = cut(&memory, staged);
  int32_t *places = (int32_t *)cut(&memory, most * 4);
  int64_t shifts[MOST_TAPS];
  for (int64_t t = 0; t < grid.taps; t++) shifts[t] = input_shift(&grid, t);
  Product product = {{planes, grid.windowed ? s->stride * s->inputs * 2 : 64, grid.pitch * 64},
                     grid.depth, grid.taps, grid.groups, shifts, weights};
  if (moments) memset(moments->sums, 0, (size_t)s->outputs * 8), memset(moments->squares, 0, (size_t)s->outputs * 8);
  int64_t in_map = grid.height * grid.width * s->inputs * 2, out_map = grid.out_height * grid.out_width * s->outputs * 2;
  for (int64_t map = 0; map < grid.batch; map += grid.images) {
    int64_t count = kelip_piece(&grid, map);
    if (map == 0 || count < grid.images) fill_places(&grid, count, grid.out_height, grid.out_width, 1, 0, places);
    stage_input(&grid, s, (const char *)x + map * in_map, count, planes);
    Right to = {(char *)y + map * out_map, s->outputs * 2, places, 0, moments};
    multiply_piece(&product, positions(&grid, count), &to, map == 0);
  }
}

/// sums[32][32] += leftᵀ · right over `chunks` of 32 positions each.
TILES static void multiply_positions(const char *a0, const char *a1, const char *b0, const char *b1, int64_t chunks,
                               int first, float *sums) {
  if (first) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, sums, 128);
    _tile_loadd(1, sums + 16, 128);
    _tile_loadd(2, sums + 16 * 32, 128);
    _tile_loadd(3, sums + 16 * 32 + 16, 128);
  }
  for (int64_t at = 0; at < chunks * 1024; at += 1024) {
    _tile_loadd(4, a0 + at, 64);
    _tile_loadd(6, b0 + at, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b1 + at, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a1 + at, 64);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums, 128);
  _tile_stored(1, sums + 16, 128);
  _tile_stored(2, sums + 16 * 32, 128);
  _tile_stored(3, sums + 16 * 32 + 16, 128);
}

/// The input in pairs of positions: runs [phase][group][parity][half][pairs][16][2] (windowed: [tap][half]…).
typedef struct {
  char *tiles;
  int64_t run;   // bytes of a half
} Pairs;

TILES static Pairs pair_input(const Grid *grid, const KelipConvolution2D *s, const char *planes, int64_t chunks,
                              char *memory) {
  Pairs pairs = {memory, grid->windowed ? chunks * 1024 : grid->pitch * 32};
  if (grid->windowed) {
    for (int64_t tap = 0; tap < grid->taps; tap++)
      kelip_pair_rows(planes + input_shift(grid, tap), s->stride * s->inputs * 2, chunks * 16,
                      memory + tap * 2 * pairs.run, pairs.run);
    return pairs;
  }
  int parities = grid->taps > 1 ? 2 : 1;
  for (int64_t plane = 0; plane < grid->phases * grid->depth; plane++)
    for (int64_t parity = 0; parity < parities; parity++) {
      int64_t first = ((grid->lead & 1) ^ parity);
      kelip_pair_rows(planes + (plane * grid->pitch + first) * 64, 64, grid->pitch / 2 - 1,
                      memory + (plane * 2 + parity) * 2 * pairs.run, pairs.run);
    }
  return pairs;
}

/// The same straight from `chunks` · 32 rows of x, where a map is a single place: nothing has to be staged.
TILES static Pairs pair_rows_of(const Grid *grid, const char *x, int64_t chunks, char *memory) {
  Pairs pairs = {memory, grid->pitch * 32};
  for (int64_t chunk = 0; chunk < chunks; chunk++)
    for (int64_t depth = 0; depth < grid->depth; depth++)
      kelip_pair_rows(x + (chunk * 32 * grid->depth + depth) * 64, grid->depth * 64, 16,
                      memory + depth * 4 * pairs.run + chunk * 1024, pairs.run);
  return pairs;
}

/// Where the pairs of (inputs, tap) begin for position 0.
static const char *pairs_place(const Grid *grid, const Pairs *pairs, int64_t depth, int64_t tap) {
  if (grid->windowed) return pairs->tiles + tap * 2 * pairs->run;
  int64_t position = grid->lead + grid->shift[tap], odd = grid->lead & 1;
  int64_t parity = (position ^ odd) & 1, start = parity ^ odd;
  return pairs->tiles + ((grid->phase[tap] * grid->depth + depth) * 2 + parity) * 2 * pairs->run +
         (position - start) / 2 * 64;
}

// Positions at once: 16 chunks of both tiles of dYᵀ stay in the first-level cache while inputs and taps pass by.
#define CHUNKS_AT_ONCE 16

TILES static void add_weight_gradient(const Grid *grid, const char *transposed, const Pairs *pairs, int64_t chunks,
                                int is_first, float *sums) {
  for (int64_t group = 0; group < grid->groups; group++)
    for (int64_t chunk = 0; chunk < chunks; chunk += CHUNKS_AT_ONCE) {
      int64_t count = kelip_least(CHUNKS_AT_ONCE, chunks - chunk);
      const char *a = transposed + (2 * group * chunks + chunk) * 1024;
      for (int64_t depth = 0; depth < grid->depth; depth++)
        for (int64_t tap = 0; tap < grid->taps; tap++) {
          const char *b = pairs_place(grid, pairs, depth, tap) + chunk * 1024;
          float *block = sums + ((group * grid->depth + depth) * grid->taps + tap) * 1024;
          multiply_positions(a, a + chunks * 1024, b, b + pairs->run, count, is_first && chunk == 0, block);
        }
    }
}

/// dX of a piece from dY in planes, phase after phase of the input.
TILES static void input_gradient(const Grid *grid, const KelipConvolution2D *s, const char *planes, int64_t count,
                           const void *weights, int32_t *places, char *dx, int accumulate) {
  for (int64_t phase = 0; phase < grid->stride * grid->stride; phase++) {
    int64_t shifts[MOST_TAPS], taps = 0;
    for (int64_t t = 0; t < grid->taps; t++)
      if (grid->phase[t] == phase) shifts[taps++] = (grid->lead - grid->shift[t]) * 64;
    if (taps == 0 && accumulate) continue;
    fill_places(grid, count, grid->height, grid->width, grid->stride, phase, places);
    Right to = {dx, s->inputs * 2, places, accumulate, NULL};
    Product product = {{planes, 64, grid->pitch * 64}, grid->groups, taps, grid->depth, shifts,
                       kelip_phase_weights(grid, weights, phase)};
    multiply_piece(&product, positions(grid, count), &to, 0);
  }
}

TILES void kelip_convolution_backward(const KelipConvolution2D *s, const void *x, const void *dy,
                                const KelipNormGradient *norm, const void *weights, void *dx, int accumulate,
                                float *dweights) {
  Grid grid;
  if (!kelip_grid(s, &grid)) return;
  kelip_matrix_unit_begin();
  int64_t most = positions(&grid, grid.images), chunks_most = most / 32;
  int64_t dy_bytes = kelip_staged_bytes(&grid, grid.groups, 1), x_bytes = input_bytes(&grid);
  int64_t sum_bytes = kelip_convolution_weight_bytes(s) * 2;
  int64_t pair_bytes = grid.windowed ? grid.taps * chunks_most * 2048 : 2 * x_bytes;
  char *memory = kelip_thread_scratch(dy_bytes + x_bytes + sum_bytes + pair_bytes + most * (4 + s->outputs * 2) + 1024);
  char *dy_planes = cut(&memory, dy_bytes), *x_planes = cut(&memory, x_bytes);
  float *sums = (float *)cut(&memory, sum_bytes);
  char *pair_memory = cut(&memory, pair_bytes), *transposed = cut(&memory, most * s->outputs * 2);
  int32_t *places = (int32_t *)cut(&memory, most * 4);
  int64_t in_map = grid.height * grid.width * s->inputs * 2, out_map = grid.out_height * grid.out_width * s->outputs * 2;
  for (int64_t map = 0; map < grid.batch; map += grid.images) {
    int64_t count = kelip_piece(&grid, map), chunks = positions(&grid, count) / 32;
    KelipNormGradient here = norm ? *norm : (KelipNormGradient){0};
    if (norm) here.y = (const char *)norm->y + map * out_map;
    kelip_stage_gradient(&grid, (const char *)dy + map * out_map, norm ? &here : NULL, count, dy_planes);
    if (dx) input_gradient(&grid, s, dy_planes, count, weights, places, (char *)dx + map * in_map, accumulate);
    if (!dweights) continue;
    kelip_transpose_planes(&grid, dy_planes, grid.groups, chunks, transposed);
    const char *here_x = (const char *)x + map * in_map;
    int isDense = !grid.windowed && grid.taps * grid.height * grid.width == 1 && count % 32 == 0;
    if (!isDense) stage_input(&grid, s, here_x, count, x_planes);
    Pairs pairs = isDense ? pair_rows_of(&grid, here_x, chunks, pair_memory)
                          : pair_input(&grid, s, x_planes, chunks, pair_memory);
    add_weight_gradient(&grid, transposed, &pairs, chunks, map == 0, sums);
  }
  if (dweights && grid.batch > 0) kelip_add_weight_sums(&grid, s, sums, dweights);
}

#else
// Nothing but the questions is ever called here.
int kelip_convolution_fits(const KelipConvolution2D *sizes) { return (void)sizes, 0; }
int kelip_convolution_has_input_gradient(const KelipConvolution2D *sizes) { return (void)sizes, 0; }
void kelip_convolution_forward(const KelipConvolution2D *sizes, const void *x, const void *weights, void *y,
                               const KelipColumnMoments *moments) {
  (void)sizes, (void)x, (void)weights, (void)y, (void)moments;
  __builtin_trap();
}
void kelip_convolution_backward(const KelipConvolution2D *sizes, const void *x, const void *dy,
                                const KelipNormGradient *norm, const void *weights, void *dx, int accumulate,
                                float *dweights) {
  (void)sizes, (void)x, (void)dy, (void)norm, (void)weights, (void)dx, (void)accumulate, (void)dweights;
  __builtin_trap();
}
#endif
