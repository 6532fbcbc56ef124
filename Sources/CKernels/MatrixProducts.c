// Products of a row-major and a packed operand, in blocks that stay in cache; what follows a product is done on its way to
// memory.
#include "MatrixUnit.h"

#include "MatrixScratch.h"
#include "Tiles.h"
#include "WorkerPool.h"

#if KELIP_HAS_TILES
// A block of A's rows that stays in the second-level cache while all of B passes by.
#define BLOCK_BYTES (1 << 20)
#define MAX_BLOCK_ROWS 1024
#define TILE_FLOATS 256

// One row of 32 results, two vectors; `count` are real.
TILES INLINE void store_floats(const KelipProduct *p, __m512 z[2], float *c, int64_t count) {
  for (int half = 0; half < 2; half++, c += 16) {
    __mmask16 real = mask16(count - 16 * half);
    __m512 value = p->accumulate ? _mm512_add_ps(z[half], _mm512_maskz_loadu_ps(real, c)) : z[half];
    _mm512_mask_storeu_ps(c, real, value);
  }
}

TILES INLINE void store_halves(__m512 z[2], uint16_t *c, int64_t count) {
  _mm512_mask_storeu_epi16(c, mask32(count), (__m512i)_mm512_cvtne2ps_pbh(z[1], z[0]));
}

TILES INLINE void apply_epilogue(enum KelipEpilogue epilogue, __m512 z[2], uint16_t *saved, int64_t count) {
  if (epilogue == KELIP_STORE) return;
  int isBackward = epilogue == KELIP_STORE_QUICK_GELU_BACKWARD || epilogue == KELIP_STORE_GELU_BACKWARD;
  int isQuick = epilogue == KELIP_STORE_QUICK_GELU || epilogue == KELIP_STORE_QUICK_GELU_BACKWARD;
  __m512 x[2];
  if (isBackward)
    widen(_mm512_maskz_loadu_epi16(mask32(count), saved), x);
  else
    store_halves(z, saved, count);
  for (int half = 0; half < 2; half++)
    if (isBackward)
      z[half] = _mm512_mul_ps(z[half], isQuick ? quick_gelu_slope16(x[half]) : gelu_slope16(x[half]));
    else
      z[half] = isQuick ? quick_gelu16(z[half]) : gelu16(z[half]);
}

// 32 × 32 results that are still to be stored at (row, column): they are, a few rows at a time, while the matrix unit
// works at the next ones.
typedef struct {
  const float *tiles;
  int64_t row, column;
  // The next of `rows` rows.
  int64_t next, rows;
} Pending;

TILES INLINE void store_rows(enum KelipEpilogue epilogue, int to_floats, const KelipProduct *p, Pending *pending,
                             int64_t most) {
  int64_t column = pending->column, count = p->n - column < 32 ? p->n - column : 32;
  int64_t end = pending->next + most < pending->rows ? pending->next + most : pending->rows;
  __m512 bias[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()}, alpha = _mm512_set1_ps(p->alpha);
  if (p->bias)
    for (int half = 0; half < 2; half++)
      bias[half] = _mm512_maskz_loadu_ps(mask16(count - 16 * half), p->bias + column + 16 * half);
  for (int64_t i = pending->next; i < end; i++) {
    const float *left = pending->tiles + (i < 16 ? i * 16 : TILE_FLOATS + i * 16);
    int64_t offset = (pending->row + i) * p->c_stride + column;
    __m512 z[2] = {_mm512_fmadd_ps(alpha, _mm512_load_ps(left), bias[0]),
                   _mm512_fmadd_ps(alpha, _mm512_load_ps(left + TILE_FLOATS), bias[1])};
    if (to_floats) {
      store_floats(p, z, (float *)p->c + offset, count);
    } else {
      apply_epilogue(epilogue, z, (uint16_t *)p->saved + offset, count);
      store_halves(z, (uint16_t *)p->c + offset, count);
    }
  }
  pending->next = end;
}

// Asks for what 32 × 32 results will meet in memory, sums to add to or an activation's input: rows far apart that the
// processor does not foresee come while the results are made.
TILES INLINE void fetch_partners(enum KelipEpilogue epilogue, int to_floats, const KelipProduct *p, int64_t row,
                                 int64_t column) {
  int isBackward = epilogue == KELIP_STORE_QUICK_GELU_BACKWARD || epilogue == KELIP_STORE_GELU_BACKWARD;
  int64_t end = p->m - row < 32 ? p->m : row + 32;
  for (; row < end; row++) {
    int64_t offset = row * p->c_stride + column;
    if (to_floats && p->accumulate) {
      __builtin_prefetch((const float *)p->c + offset, 1);
      __builtin_prefetch((const float *)p->c + offset + 16, 1);
    } else if (isBackward) {
      __builtin_prefetch((const uint16_t *)p->saved + offset);
    }
  }
}

// 32 rows of A: where their first tile lies, and bytes from a row to the next, from the upper tile to the lower one, and
// from a tile to the next of K.
typedef struct {
  const char *first;
  int64_t row, lower, step;
} Strip;

// c[2 × 2 tiles] = a strip of A · one panel, `steps` times 32 of K.
TILES INLINE void multiply_tiles(enum KelipEpilogue epilogue, int to_floats, const KelipProduct *p, Pending *pending,
                                 Strip strip, const uint16_t *panel, int64_t steps, float *c) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const char *upper = strip.first, *lower = upper + strip.lower;
  int64_t share = (pending->rows - pending->next + steps - 1) / steps;
  for (int64_t step = 0; step < steps; step++, upper += strip.step, lower += strip.step, panel += 1024) {
    _tile_loadd(4, upper, strip.row);
    _tile_loadd(6, panel, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, lower, strip.row);
    _tile_dpbf16ps(2, 5, 6);
    _tile_loadd(7, panel + 512, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(3, 5, 7);
    if (pending->next < pending->rows) store_rows(epilogue, to_floats, p, pending, share);
  }
  _tile_stored(0, c, 64);
  _tile_stored(1, c + TILE_FLOATS, 64);
  _tile_stored(2, c + 2 * TILE_FLOATS, 64);
  _tile_stored(3, c + 3 * TILE_FLOATS, 64);
}

// Rows of A at once: blocks of about the same size within BLOCK_BYTES, at least one for each worker.
static int64_t block_rows(int64_t m, int64_t k, int64_t workers) {
  int64_t most = BLOCK_BYTES / (2 * padded(k)) / 32 * 32;
  most = most < 64 ? 64 : most > MAX_BLOCK_ROWS ? MAX_BLOCK_ROWS : most;
  int64_t blocks = (m + most - 1) / most;
  if (blocks % workers) blocks += workers - blocks % workers;
  return padded((m + blocks - 1) / blocks);
}

// Small products are not worth waking anybody.
static int64_t workers_for(int64_t m, int64_t k, int64_t n) {
  const int64_t worthSharing = 1 << 22;
  return m * k * n < worthSharing ? 1 : kelip_pool_workers();
}

// Results being made and results being stored.
enum { SUM_FLOATS = 2 * 4 * TILE_FLOATS };

// A block of rows of C from `first` on. A's rows lie `a_stride` elements apart, the last of them in `tail` if they fill
// no whole tile; or A comes in tiles, two for each 32 rows × 32 of K one after the other (`a_stride` 0).
typedef struct {
  const uint16_t *a, *tail;
  int64_t a_stride, first, rows;
  float *sums;
} Block;

TILES INLINE Strip strip_at(const Block *block, int64_t row, int64_t depth) {
  if (block->a_stride == 0) return (Strip){(const char *)(block->a + row * depth), 64, 1024, 2048};
  int isTail = row >= block->rows / 32 * 32;
  int64_t bytes = 2 * (isTail ? depth : block->a_stride);
  return (Strip){(const char *)(isTail ? block->tail : block->a + row * block->a_stride), bytes, 16 * bytes, 64};
}

TILES INLINE void multiply_block_as(enum KelipEpilogue epilogue, int to_floats, const KelipProduct *p,
                                    const Block *block) {
  int64_t depth = padded(p->k), turn = 0;
  Pending pending = {0};
  for (int64_t column = 0; column < p->n; column += 32) {
    const uint16_t *panel = (const uint16_t *)p->packed + column * depth;
    for (int64_t row = 0; row < block->rows; row += 32, turn ^= 1) {
      float *tiles = block->sums + turn * 4 * TILE_FLOATS;
      fetch_partners(epilogue, to_floats, p, block->first + row, column);
      multiply_tiles(epilogue, to_floats, p, &pending, strip_at(block, row, depth), panel, depth / 32, tiles);
      pending = (Pending){tiles, block->first + row, column, 0, block->rows - row < 32 ? block->rows - row : 32};
    }
  }
  store_rows(epilogue, to_floats, p, &pending, 32);
}

TILES static void multiply_block(const KelipProduct *p, const Block *block) {
  if (p->float_output) return multiply_block_as(KELIP_STORE, 1, p, block);
  switch ((enum KelipEpilogue)p->epilogue) {
  case KELIP_STORE: return multiply_block_as(KELIP_STORE, 0, p, block);
  case KELIP_STORE_QUICK_GELU: return multiply_block_as(KELIP_STORE_QUICK_GELU, 0, p, block);
  case KELIP_STORE_GELU: return multiply_block_as(KELIP_STORE_GELU, 0, p, block);
  case KELIP_STORE_QUICK_GELU_BACKWARD: return multiply_block_as(KELIP_STORE_QUICK_GELU_BACKWARD, 0, p, block);
  case KELIP_STORE_GELU_BACKWARD: return multiply_block_as(KELIP_STORE_GELU_BACKWARD, 0, p, block);
  }
}

// `rows` rows of A, padded with zeros to full tiles in both directions.
static void copy_padded(const uint16_t *a, int64_t stride, int64_t rows, int64_t k, uint16_t *copy) {
  int64_t depth = padded(k), all = padded(rows);
  for (int64_t row = 0; row < all; row++) {
    int64_t count = row < rows ? k : 0;
    if (count) memcpy(copy + row * depth, a + row * stride, (size_t)count * 2);
    memset(copy + row * depth + count, 0, (size_t)(depth - count) * 2);
  }
}

typedef struct {
  const KelipProduct *product;
  int64_t rows;
} SharedProduct;

// The block of rows number `index`.
TILES static void multiply_item(void *context, int64_t index, int64_t worker) {
  (void)worker;
  const SharedProduct *shared = context;
  const KelipProduct *p = shared->product;
  int64_t first = index * shared->rows, depth = padded(p->k);
  int64_t rows = p->m - first < shared->rows ? p->m - first : shared->rows, whole = rows / 32 * 32;
  float *sums = kelip_own_scratch(KELIP_ITEM, SUM_FLOATS * 4 + (p->k % 32 ? padded(rows) : 32) * depth * 2);
  uint16_t *copy = (uint16_t *)(sums + SUM_FLOATS);
  const uint16_t *a = (const uint16_t *)p->a + first * p->a_stride;
  Block block = {a, copy, p->a_stride, first, rows, sums};
  kelip_matrix_unit_begin();
  if (p->k % 32) {
    copy_padded(a, p->a_stride, rows, p->k, copy);
    block.a = copy;
    block.tail = copy + whole * depth;
    block.a_stride = depth;
  } else if (rows > whole) {
    copy_padded(a + whole * p->a_stride, p->a_stride, rows - whole, p->k, copy);
  }
  multiply_block(p, &block);
}

void kelip_multiply(const KelipProduct *p) {
  int64_t workers = workers_for(p->m, p->k, p->n);
  SharedProduct shared = {p, block_rows(p->m, p->k, workers)};
  kelip_pool_run((p->m + shared.rows - 1) / shared.rows, workers, multiply_item, &shared);
}

// 32 rows × 16 columns of x transposed to a tile; columns' sums are added to `sums`.
TILES INLINE void transpose_tile(const uint16_t *x, int64_t stride, int64_t rows, int64_t columns, uint16_t *tile,
                                 float *sums) {
  __m512i pairs[16];
  for (int64_t pair = 0; pair < 16; pair++)
    pairs[pair] = row_pair(x + 2 * pair * stride, stride, rows - 2 * pair, columns);
  if (sums) {
    __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
    for (int64_t pair = 0; pair < 16; pair++) {
      even = _mm512_add_ps(even, even_floats(pairs[pair]));
      odd = _mm512_add_ps(odd, odd_floats(pairs[pair]));
    }
    __mmask16 real = mask16(columns);
    _mm512_mask_storeu_ps(sums, real, _mm512_add_ps(_mm512_maskz_loadu_ps(real, sums), _mm512_add_ps(even, odd)));
  }
  transpose16(pairs);
  for (int64_t i = 0; i < 16; i++) _mm512_store_si512(tile + 32 * i, pairs[i]);
}

// Asks for a cache line of each of the next 32 rows, of which no more than `rows` are real.
INLINE void fetch_rows(const uint16_t *x, int64_t stride, int64_t rows) {
  for (int64_t row = 0; row < 32 && row < rows; row++) __builtin_prefetch(x + row * stride);
}

// Columns [0, width) of x[R, …] as the rows of a left operand in tiles, and their sums.
TILES static void transpose_columns(const uint16_t *x, int64_t stride, int64_t rows, int64_t width, uint16_t *tiles,
                                    float *sums) {
  int64_t depth = padded(rows);
  for (int64_t row = 0; row < depth; row += 32)
    for (int64_t column = 0; column < width; column += 16) {
      if (column % 32 == 0) fetch_rows(x + (row + 32) * stride + column, stride, rows - row - 32);
      uint16_t *tile = tiles + column / 32 * 32 * depth + row * 32 + column % 32 * 32;
      transpose_tile(x + row * stride + column, stride, rows - row, width - column, tile, sums ? sums + column : 0);
    }
}

typedef struct {
  const uint16_t *left, *right;
  uint16_t *packed;
  float *column_sums;
  KelipProduct product;
  int64_t depth, rows;
} SharedOuterProduct;

// A few panels of the right operand, 32 rows of all of them at a time: neighbours in memory.
enum { PANELS = 8 };
static void pack_item(void *context, int64_t index, int64_t worker) {
  (void)worker;
  const SharedOuterProduct *s = context;
  int64_t n = s->product.n, first = index * 32 * PANELS, end = n - first < 32 * PANELS ? n : first + 32 * PANELS;
  for (int64_t row = 0; row < s->product.k; row += 32)
    for (int64_t column = first; column < end; column += 32) {
      const uint16_t *rows = s->right + row * n + column;
      int64_t count = s->product.k - row < 32 ? s->product.k - row : 32;
      fetch_rows(rows + 32 * n, n, s->product.k - row - 32);
      kelip_pack_bf16(rows, n, 0, count, n - column < 32 ? n - column : 32,
                      s->packed + column * s->depth + row * 32);
    }
}

TILES static void outer_item(void *context, int64_t index, int64_t worker) {
  (void)worker;
  const SharedOuterProduct *s = context;
  int64_t m = s->product.m, first = index * s->rows, rows = m - first < s->rows ? m - first : s->rows;
  float *sums = kelip_own_scratch(KELIP_ITEM, SUM_FLOATS * 4 + padded(rows) * s->depth * 2);
  uint16_t *tiles = (uint16_t *)(sums + SUM_FLOATS);
  transpose_columns(s->left + first, m, s->product.k, rows, tiles, s->column_sums ? s->column_sums + first : 0);
  Block block = {tiles, 0, 0, first, rows, sums};
  kelip_matrix_unit_begin();
  multiply_block_as(KELIP_STORE, 1, &s->product, &block);
}

void kelip_outer_product(const void *left, const void *right, float *c, float *column_sums, int64_t rows, int64_t a,
                         int64_t b, int accumulate) {
  int64_t workers = workers_for(a, rows, b);
  SharedOuterProduct s = {.left = left, .right = right, .column_sums = column_sums, .depth = padded(rows),
                          .rows = block_rows(a, rows, workers)};
  s.packed = kelip_own_scratch(KELIP_OPERAND, kelip_packed_count(rows, b) * 2);
  s.product = (KelipProduct){.m = a, .k = rows, .n = b, .packed = s.packed, .c = c, .c_stride = b, .float_output = 1,
                             .accumulate = accumulate, .alpha = 1.0f};
  kelip_pool_run((b + 32 * PANELS - 1) / (32 * PANELS), workers, pack_item, &s);
  kelip_pool_run((a + s.rows - 1) / s.rows, workers, outer_item, &s);
}
#else
// Never called: `kelip_matrix_unit` says no.
void kelip_multiply(const KelipProduct *product) {
  (void)product;
  __builtin_trap();
}
void kelip_outer_product(const void *left, const void *right, float *c, float *column_sums, int64_t rows, int64_t a,
                         int64_t b, int accumulate) {
  (void)left, (void)right, (void)c, (void)column_sums, (void)rows, (void)a, (void)b, (void)accumulate;
  __builtin_trap();
}
#endif
