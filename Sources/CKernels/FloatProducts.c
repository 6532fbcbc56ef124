// Products of 32-bit floats: B is packed, then blocks of C are shared out, each made from rows of A that its worker
// packs a little at a time (Goto & van de Geijn 2008). A block of A stays in the second-level cache while panels of B
// pass by.
#include "FloatProducts.h"

#include "AskOnce.h"
#include "CKernels.h"
#include "FloatPacking.h"
#include "FloatTiles.h"
#include "MatrixScratch.h"
#include "WorkerPool.h"

#if KELIP_HAS_WIDE
#include <stdlib.h>

enum {
  // Of K at a time: C is read and written once for each.
  DEPTH = 768,
  // Rows of C that are one item of work, and how many items a worker should find: one that is slower leaves some of its
  // own to the others.
  MIN_ROWS = 6 * ROWS,
  MAX_ROWS = 14 * ROWS,
  ITEMS = 8,
  MIN_COLUMNS = 4 * COLUMNS,
  // Of B at a time: 16 MiB.
  PACKED_FLOATS = 4 << 20,
};

static int detect(void) {
  const char *choice = getenv("KELIP_MATRIX_UNIT");
  if (choice && !strcmp(choice, "off")) return 0;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("bmi2");
}

int kelip_vector_unit(void) {
  static int state = -1;
  return ask_once(&state, detect);
}

// A count in parts of about the same size, multiples of `grain` and at most `most`: the size of a part.
static int64_t part_size(int64_t count, int64_t most, int64_t grain) {
  int64_t parts = (count + most - 1) / most;
  return round_up((count + parts - 1) / parts, grain);
}

// A product whose right operand is packed: depths of K after one another, in each the panels.
typedef struct {
  const KelipFloatProduct *product;
  float *packed;
  // How many of K are taken at once; rows and columns of C that are one item of work.
  int64_t depth, rows, columns, row_blocks;
  // The columns [first, end) that are packed at a time.
  int64_t first, end;
  // Where sums are gathered: C, or what is saved.
  float *sums;
} SharedProduct;

static float *panel_at(const SharedProduct *s, int64_t first, int64_t depth, int64_t column) {
  return s->packed + first * round_up(s->end - s->first, COLUMNS) + (column - s->first) * depth;
}

enum { PANELS_PACKED = 4 };
static void pack_item(void *context, int64_t index, int64_t worker) {
  (void)worker;
  const SharedProduct *s = context;
  int64_t column = s->first + index * PANELS_PACKED * COLUMNS, k = s->product->k;
  for (int64_t first = 0; first < k; first += s->depth) {
    int64_t depth = least(s->depth, k - first);
    pack_panels(&s->product->b, first, depth, column, least(PANELS_PACKED * COLUMNS, s->end - column),
                panel_at(s, first, depth, column));
  }
}

typedef struct {
  int64_t row, rows, column, columns;
} Block;

// Sums over K of a packed block of A.
WIDE static void add_row_sums(const float *strips, int64_t rows, int64_t depth, float *sums) {
  for (int64_t row = 0; row < rows; row += ROWS, strips += depth * STRIP) {
    __m512 parts[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int64_t k = 0; k < depth; k += 4)
      for (int64_t i = 0; i < 4 && k + i < depth; i++)
        parts[i] = _mm512_add_ps(parts[i], _mm512_load_ps(strips + (k + i) * STRIP));
    __m512 sum = _mm512_add_ps(_mm512_add_ps(parts[0], parts[1]), _mm512_add_ps(parts[2], parts[3]));
    __mmask16 real = mask16(least(ROWS, rows - row));
    _mm512_mask_storeu_ps(sums + row, real, _mm512_add_ps(sum, _mm512_maskz_loadu_ps(real, sums + row)));
  }
}

// A packed block of A times a panel of B.
WIDE static void multiply_panel(const float *strips, const float *panel, int64_t rows, int64_t depth, Tile tile) {
  for (int64_t row = 0; row < rows; row += ROWS, strips += depth * STRIP) {
    if (rows - row >= ROWS)
      multiply_whole_tile(depth, strips, panel, &tile);
    else
      multiply_part_tile(rows - row, depth, strips, panel, &tile);
    tile.c += ROWS * tile.stride;
    tile.next += depth * tile.next_step;
  }
}

WIDE static void multiply_depth(const SharedProduct *s, const Block *block, int64_t first, int64_t depth,
                                float *strips) {
  const KelipFloatProduct *p = s->product;
  pack_strips(&p->a, block->row, block->rows, first, depth, strips);
  if (p->row_sums && block->column == 0) add_row_sums(strips, block->rows, depth, p->row_sums + block->row);
  const float *panel = panel_at(s, first, depth, block->column);
  int64_t strip_count = (block->rows + ROWS - 1) / ROWS, next_step = (4 * COLUMNS + strip_count - 1) / strip_count;
  for (int64_t j = 0; j < block->columns; j += COLUMNS, panel += depth * COLUMNS) {
    int64_t column = block->column + j, columns = block->columns - j;
    Tile tile = {.c = s->sums + block->row * p->c_stride + column, .stride = p->c_stride,
                 .adds = first > 0 || p->accumulate, .bias = p->bias && first == 0 ? p->bias + column : NULL,
                 .left = mask16(columns), .right = mask16(columns - 16),
                 .next = (const char *)(panel + depth * COLUMNS), .next_step = next_step};
    multiply_panel(strips, panel, block->rows, depth, tile);
  }
}

// What follows a product, on a row of a block.
static void finish_row(const KelipFloatProduct *p, int64_t offset, int64_t count) {
  float *c = p->c + offset, *saved = p->saved + offset;
  switch ((enum KelipEpilogue)p->epilogue) {
  case KELIP_STORE: return;
  case KELIP_STORE_QUICK_GELU: return kelip_kernels_f32.quick_gelu_forward(saved, c, count);
  case KELIP_STORE_GELU: return kelip_kernels_f32.gelu_forward(saved, c, count);
  case KELIP_STORE_QUICK_GELU_BACKWARD: return kelip_kernels_f32.quick_gelu_backward(c, saved, c, count);
  case KELIP_STORE_GELU_BACKWARD: return kelip_kernels_f32.gelu_backward(c, saved, c, count);
  }
}

static void multiply_item(void *context, int64_t index, int64_t worker) {
  (void)worker;
  const SharedProduct *s = context;
  const KelipFloatProduct *p = s->product;
  Block block = {.row = index % s->row_blocks * s->rows, .column = s->first + index / s->row_blocks * s->columns};
  block.rows = least(s->rows, p->m - block.row);
  block.columns = least(s->columns, s->end - block.column);
  float *strips = kelip_own_scratch(KELIP_ITEM, s->rows / ROWS * s->depth * STRIP * 4);
  for (int64_t first = 0; first < p->k; first += s->depth)
    multiply_depth(s, &block, first, least(s->depth, p->k - first), strips);
  if (p->epilogue == KELIP_STORE) return;
  for (int64_t row = block.row; row < block.row + block.rows; row++)
    finish_row(p, row * p->c_stride + block.column, block.columns);
}

// An item is a few rows of A times all of B, so that each row is packed once; where there are few rows, times a part of
// B.
static void choose_blocks(SharedProduct *s, int64_t workers) {
  const KelipFloatProduct *p = s->product;
  s->depth = part_size(p->k, DEPTH, 16);
  int64_t most = round_up((p->m + ITEMS * workers - 1) / (ITEMS * workers), ROWS);
  most = most < MIN_ROWS ? MIN_ROWS : least(most, MAX_ROWS);
  s->rows = part_size(p->m, most, ROWS);
  s->row_blocks = (p->m + s->rows - 1) / s->rows;
  int64_t column_blocks = s->row_blocks < ITEMS * workers ? ITEMS * workers / s->row_blocks : 1;
  s->columns = round_up((p->n + column_blocks - 1) / column_blocks, COLUMNS);
  if (s->columns < MIN_COLUMNS) s->columns = MIN_COLUMNS;
}

void kelip_multiply_floats(const KelipFloatProduct *p) {
  const int64_t worth_sharing = 1 << 20;
  int64_t workers = p->m * p->k * p->n < worth_sharing ? 1 : kelip_pool_workers();
  int isForward = p->epilogue == KELIP_STORE_QUICK_GELU || p->epilogue == KELIP_STORE_GELU;
  SharedProduct s = {.product = p, .sums = isForward ? p->saved : p->c};
  choose_blocks(&s, workers);
  int64_t most = part_size(p->n, PACKED_FLOATS / p->k < COLUMNS ? COLUMNS : PACKED_FLOATS / p->k, COLUMNS);
  s.packed = kelip_own_scratch(KELIP_OPERAND, p->k * round_up(least(most, p->n), COLUMNS) * 4);
  for (; s.first < p->n; s.first += most) {
    s.end = least(s.first + most, p->n);
    int64_t columns = s.end - s.first, group = PANELS_PACKED * COLUMNS;
    kelip_pool_run((columns + group - 1) / group, workers, pack_item, &s);
    kelip_pool_run(s.row_blocks * ((columns + s.columns - 1) / s.columns), workers, multiply_item, &s);
  }
}
#else
// Never called: `kelip_vector_unit` says no.
int kelip_vector_unit(void) { return 0; }
void kelip_multiply_floats(const KelipFloatProduct *product) {
  (void)product;
  __builtin_trap();
}
#endif
