#include "MatrixUnit.h"

#include "Tiles.h"

#if KELIP_HAS_TILES
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// A block of A's rows that stays in the second-level cache while all of B passes by.
#define BLOCK_BYTES (1 << 20)
#define MAX_BLOCK_ROWS 1024
#define TILE_FLOATS 256

typedef struct {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} TileConfiguration;

static int detect(void) {
  const char *choice = getenv("KELIP_MATRIX_UNIT");
  if (choice && !strcmp(choice, "off")) return 0;
  if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512vbmi")) return 0;
  unsigned a, b, c, d;
  __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
  if (!(d >> 22 & 1) || !(d >> 24 & 1)) return 0;
  const long requestPermission = 0x1023, tileData = 18;
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}

int kelip_matrix_unit(void) {
  static int state = -1;
  int known = __atomic_load_n(&state, __ATOMIC_RELAXED);
  if (known < 0) {
    known = detect();
    __atomic_store_n(&state, known, __ATOMIC_RELAXED);
  }
  return known;
}

TILES void kelip_matrix_unit_begin(void) {
  TileConfiguration configuration;
  memset(&configuration, 0, sizeof configuration);
  configuration.palette = 1;
  for (int i = 0; i < 8; i++) {
    configuration.row_bytes[i] = 64;
    configuration.rows[i] = 16;
  }
  _tile_loadconfig(&configuration);
}

void *kelip_thread_scratch(int64_t bytes) {
  static _Thread_local void *memory;
  static _Thread_local size_t size;
  const size_t hugePage = 2 << 20;
  if ((size_t)bytes <= size) return memory;
  if (memory) munmap(memory, size);
  size = ((size_t)bytes + hugePage - 1) / hugePage * hugePage;
  memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

int64_t kelip_packed_count(int64_t k, int64_t n) { return padded(k) * padded(n); }

// One tile from [K, N]: 32 values of k, 16 columns.
TILES INLINE void pack_pairs_f32(const float *b, int64_t stride, int64_t k, int64_t n, uint16_t *tile) {
  __mmask16 columns = mask16(n);
  for (int64_t pair = 0; pair < 16; pair++) {
    __m512 even = 2 * pair < k ? _mm512_maskz_loadu_ps(columns, b + 2 * pair * stride) : _mm512_setzero_ps();
    __m512 odd = 2 * pair + 1 < k ? _mm512_maskz_loadu_ps(columns, b + (2 * pair + 1) * stride) : _mm512_setzero_ps();
    _mm512_store_si512(tile + 32 * pair, interleave((__m512i)_mm512_cvtne2ps_pbh(odd, even)));
  }
}

TILES INLINE void pack_pairs_bf16(const uint16_t *b, int64_t stride, int64_t k, int64_t n, uint16_t *tile) {
  for (int64_t pair = 0; pair < 16; pair++)
    _mm512_store_si512(tile + 32 * pair, row_pair(b + 2 * pair * stride, stride, k - 2 * pair, n));
}

// One tile from [N, K]: 16 rows, 32 values of k.
TILES INLINE void pack_rows_f32(const float *b, int64_t stride, int64_t k, int64_t n, uint16_t *tile) {
  __m512i rows[16];
  __mmask16 low = mask16(k), high = mask16(k - 16);
  for (int64_t i = 0; i < 16; i++) {
    if (i >= n) {
      rows[i] = _mm512_setzero_si512();
      continue;
    }
    __m512 first = _mm512_maskz_loadu_ps(low, b + i * stride);
    __m512 second = _mm512_maskz_loadu_ps(high, b + i * stride + 16);
    rows[i] = (__m512i)_mm512_cvtne2ps_pbh(second, first);
  }
  transpose16(rows);
  for (int64_t i = 0; i < 16; i++) _mm512_store_si512(tile + 32 * i, rows[i]);
}

TILES INLINE void pack_rows_bf16(const uint16_t *b, int64_t stride, int64_t k, int64_t n, uint16_t *tile) {
  __m512i rows[16];
  __mmask32 some = mask32(k);
  for (int64_t i = 0; i < 16; i++)
    rows[i] = i < n ? _mm512_maskz_loadu_epi16(some, b + i * stride) : _mm512_setzero_si512();
  transpose16(rows);
  for (int64_t i = 0; i < 16; i++) _mm512_store_si512(tile + 32 * i, rows[i]);
}

TILES void kelip_pack_f32(const float *b, int64_t stride, int transposed, int64_t k, int64_t n, void *packed) {
  uint16_t *tile = packed;
  for (int64_t panel = 0; panel < n; panel += 32)
    for (int64_t step = 0; step < k; step += 32)
      for (int64_t half = 0; half < 32; half += 16, tile += 512)
        if (transposed)
          pack_rows_f32(b + (panel + half) * stride + step, stride, k - step, n - panel - half, tile);
        else
          pack_pairs_f32(b + step * stride + panel + half, stride, k - step, n - panel - half, tile);
}

TILES void kelip_pack_bf16(const void *b_, int64_t stride, int transposed, int64_t k, int64_t n, void *packed) {
  const uint16_t *b = b_;
  uint16_t *tile = packed;
  for (int64_t panel = 0; panel < n; panel += 32)
    for (int64_t step = 0; step < k; step += 32)
      for (int64_t half = 0; half < 32; half += 16, tile += 512)
        if (transposed)
          pack_rows_bf16(b + (panel + half) * stride + step, stride, k - step, n - panel - half, tile);
        else
          pack_pairs_bf16(b + step * stride + panel + half, stride, k - step, n - panel - half, tile);
}

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

// Rows of A at once: blocks of about the same size within BLOCK_BYTES.
static int64_t block_rows(int64_t m, int64_t k) {
  int64_t most = BLOCK_BYTES / (2 * padded(k)) / 32 * 32;
  most = most < 64 ? 64 : most > MAX_BLOCK_ROWS ? MAX_BLOCK_ROWS : most;
  int64_t blocks = (m + most - 1) / most;
  return padded((m + blocks - 1) / blocks);
}

// Results being made and results being stored.
enum { SUM_FLOATS = 2 * 4 * TILE_FLOATS };

int64_t kelip_multiply_scratch(int64_t m, int64_t k, int64_t n) {
  (void)n;
  int64_t rows = block_rows(m, k);
  return SUM_FLOATS * 4 + (k % 32 ? rows : 32) * padded(k) * 2;
}

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

TILES void kelip_multiply(const KelipProduct *p, void *scratch) {
  kelip_matrix_unit_begin();
  int64_t most = block_rows(p->m, p->k), depth = padded(p->k);
  float *sums = scratch;
  uint16_t *copy = (uint16_t *)(sums + SUM_FLOATS);
  for (int64_t first = 0; first < p->m; first += most) {
    int64_t rows = p->m - first < most ? p->m - first : most, whole = rows / 32 * 32;
    const uint16_t *a = (const uint16_t *)p->a + first * p->a_stride;
    Block block = {a, copy, p->a_stride, first, rows, sums};
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

// Columns [0, width) of x[R, …] as the rows of a left operand in tiles, and their sums.
TILES static void transpose_columns(const uint16_t *x, int64_t stride, int64_t rows, int64_t width, uint16_t *tiles,
                                    float *sums) {
  int64_t depth = padded(rows);
  for (int64_t row = 0; row < depth; row += 32)
    for (int64_t column = 0; column < width; column += 16) {
      uint16_t *tile = tiles + column / 32 * 32 * depth + row * 32 + column % 32 * 32;
      transpose_tile(x + row * stride + column, stride, rows - row, width - column, tile, sums ? sums + column : 0);
    }
}

int64_t kelip_outer_product_scratch(int64_t rows, int64_t a, int64_t b) {
  return SUM_FLOATS * 4 + (kelip_packed_count(rows, b) + block_rows(a, rows) * padded(rows)) * 2;
}

TILES void kelip_outer_product(const void *left, const void *right, float *c, float *column_sums, int64_t rows,
                               int64_t a, int64_t b, int accumulate, void *scratch) {
  int64_t most = block_rows(a, rows), depth = padded(rows);
  float *sums = scratch;
  uint16_t *packed = (uint16_t *)(sums + SUM_FLOATS), *tiles = packed + kelip_packed_count(rows, b);
  kelip_matrix_unit_begin();
  kelip_pack_bf16(right, b, 0, rows, b, packed);
  KelipProduct product = {.m = a, .k = depth, .n = b, .packed = packed, .c = c, .c_stride = b, .float_output = 1,
                          .accumulate = accumulate, .alpha = 1.0f};
  for (int64_t first = 0; first < a; first += most) {
    int64_t width = a - first < most ? a - first : most;
    transpose_columns((const uint16_t *)left + first, a, rows, width, tiles, column_sums ? column_sums + first : 0);
    Block block = {tiles, 0, 0, first, width, sums};
    multiply_block_as(KELIP_STORE, 1, &product, &block);
  }
}
#else
// Nothing but the question is ever called here.
int kelip_matrix_unit(void) { return 0; }
void kelip_matrix_unit_begin(void) { __builtin_trap(); }
int64_t kelip_packed_count(int64_t k, int64_t n) { return (void)k, (void)n, 0; }
void kelip_pack_bf16(const void *b, int64_t stride, int transposed, int64_t k, int64_t n, void *packed) {
  (void)b, (void)stride, (void)transposed, (void)k, (void)n, (void)packed;
  __builtin_trap();
}
void kelip_pack_f32(const float *b, int64_t stride, int transposed, int64_t k, int64_t n, void *packed) {
  kelip_pack_bf16(b, stride, transposed, k, n, packed);
}
int64_t kelip_multiply_scratch(int64_t m, int64_t k, int64_t n) { return (void)m, kelip_packed_count(k, n); }
void kelip_multiply(const KelipProduct *product, void *scratch) {
  (void)product, (void)scratch;
  __builtin_trap();
}
void *kelip_thread_scratch(int64_t bytes) { return (void)bytes, (void *)0; }
int64_t kelip_outer_product_scratch(int64_t rows, int64_t a, int64_t b) { return (void)rows, kelip_packed_count(a, b); }
void kelip_outer_product(const void *left, const void *right, float *c, float *column_sums, int64_t rows, int64_t a,
                         int64_t b, int accumulate, void *scratch) {
  (void)left, (void)right, (void)c, (void)column_sums, (void)rows, (void)a, (void)b, (void)accumulate, (void)scratch;
  __builtin_trap();
}
#endif
