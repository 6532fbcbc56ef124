// A convolution's gradients: of the input as a product like forward's, of the weights as sums over pairs of positions.
#include "ConvolutionProducts.h"

#if KELIP_HAS_TILES
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
      kelip_pair_rows(planes + kelip_input_shift(grid, tap), s->stride * s->inputs * 2, chunks * 16,
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

typedef struct {
  const KelipConvolution2D *sizes;
  const Grid *grid;
  Stretches stretches;
  const char *x, *dy, *weights;
  const KelipNormGradient *norm;
  char *dx;
  int accumulate;
  /// Of each phase of the input.
  const Places *places;
  /// [stretches][weights], in 32-bit numbers; NULL: none.
  float *sums;
  int64_t sums_each;
  float *dweights;
} SharedBackward;

/// dX of a piece from dY in planes, phase after phase of the input.
TILES static void input_gradient(const SharedBackward *b, const char *planes, int64_t count, char *dx) {
  const Grid *grid = b->grid;
  for (int64_t phase = 0; phase < grid->stride * grid->stride; phase++) {
    int64_t shifts[MOST_TAPS], taps = 0;
    for (int64_t t = 0; t < grid->taps; t++)
      if (grid->phase[t] == phase) shifts[taps++] = (grid->lead - grid->shift[t]) * 64;
    if (taps == 0 && b->accumulate) continue;
    Right to = {dx, b->sizes->inputs * 2, places_of(grid, &b->places[phase], count), b->accumulate, NULL};
    Product product = {{planes, 64, grid->pitch * 64}, grid->groups, taps, grid->depth, shifts,
                       kelip_phase_weights(grid, b->weights, phase)};
    kelip_multiply_piece(&product, positions(grid, count), &to, 0);
  }
}

/// A worker's memory for a piece.
typedef struct {
  char *dy, *x, *pairs, *transposed;
} Memory;

static Memory item_memory(const Grid *grid, const KelipConvolution2D *s) {
  int64_t most = positions(grid, grid->images);
  int64_t dy = kelip_staged_bytes(grid, grid->groups, 1), x = kelip_piece_bytes(grid);
  int64_t pairs = grid->windowed ? grid->taps * most / 32 * 2048 : 2 * x;
  char *memory = kelip_own_scratch(KELIP_ITEM, dy + x + pairs + most * s->outputs * 2 + 256);
  Memory m;
  m.dy = cut(&memory, dy);
  m.x = cut(&memory, x);
  m.pairs = cut(&memory, pairs);
  m.transposed = memory;
  return m;
}

TILES static void weight_gradient(const SharedBackward *b, const char *x, int64_t count, const Memory *m, int is_first,
                                  float *sums) {
  const Grid *grid = b->grid;
  int64_t chunks = positions(grid, count) / 32;
  kelip_transpose_planes(grid, m->dy, grid->groups, chunks, m->transposed);
  int isDense = !grid->windowed && grid->taps * grid->height * grid->width == 1 && count % 32 == 0;
  if (!isDense) kelip_stage_piece(grid, b->sizes, x, count, m->x);
  Pairs pairs = isDense ? pair_rows_of(grid, x, chunks, m->pairs)
                        : pair_input(grid, b->sizes, m->x, chunks, m->pairs);
  add_weight_gradient(grid, m->transposed, &pairs, chunks, is_first, sums);
}

TILES static void backward_item(void *context, int64_t stretch, int64_t worker) {
  (void)worker;
  const SharedBackward *b = context;
  const Grid *grid = b->grid;
  const KelipConvolution2D *s = b->sizes;
  Memory memory = item_memory(grid, s);
  int64_t in_map = grid->height * grid->width * s->inputs * 2, out_map = grid->out_height * grid->out_width * s->outputs * 2;
  int64_t first = stretch * b->stretches.maps, end = kelip_least(first + b->stretches.maps, grid->batch);
  kelip_matrix_unit_begin();
  for (int64_t map = first; map < end; map += grid->images) {
    int64_t count = kelip_piece(grid, map);
    KelipNormGradient norm = b->norm ? *b->norm : (KelipNormGradient){0};
    if (b->norm) norm.y = (const char *)b->norm->y + map * out_map;
    kelip_stage_gradient(grid, b->dy + map * out_map, b->norm ? &norm : NULL, count, memory.dy);
    if (b->dx) input_gradient(b, memory.dy, count, b->dx + map * in_map);
    if (b->sums)
      weight_gradient(b, b->x + map * in_map, count, &memory, map == first, b->sums + stretch * b->sums_each);
  }
}

/// The stretches' sums of one group of outputs, added up in their order, and to dWeights.
TILES static void fold_item(void *context, int64_t group, int64_t worker) {
  (void)worker;
  const SharedBackward *b = context;
  const int64_t block = b->grid->taps * 1024;
  for (int64_t depth = 0; depth < b->grid->depth; depth++) {
    float *sums = b->sums + (group * b->grid->depth + depth) * block;
    for (int64_t stretch = 1; stretch < b->stretches.count; stretch++) {
      const float *part = sums + stretch * b->sums_each;
      for (int64_t i = 0; i < block; i += 16)
        _mm512_store_ps(sums + i, _mm512_add_ps(_mm512_load_ps(sums + i), _mm512_load_ps(part + i)));
    }
    kelip_add_weight_sums(b->grid, b->sizes, group, depth, sums, b->dweights);
  }
}

// Items of a backward pass: at most the first number, and then no more than keep their sums of weights' gradients within
// these bytes, but the second number in any case.
#define BACKWARD_STRETCHES 16
#define STRETCHES_OF_MUCH 8
#define SUM_BYTES (32 << 20)

static int64_t most_stretches(int64_t sum_bytes) {
  return kelip_most(STRETCHES_OF_MUCH, kelip_least(BACKWARD_STRETCHES, SUM_BYTES / sum_bytes));
}

TILES void kelip_convolution_backward(const KelipConvolution2D *s, const void *x, const void *dy,
                                const KelipNormGradient *norm, const void *weights, void *dx, int accumulate,
                                float *dweights) {
  Grid grid;
  if (!kelip_grid(s, &grid) || grid.batch == 0) return;
  int64_t phases = grid.stride * grid.stride, numbers = kelip_places_count(&grid);
  int64_t sum_bytes = kelip_convolution_weight_bytes(s) * 2, workers = kelip_convolution_workers(s, &grid);
  Stretches stretches = kelip_stretches(&grid, dweights ? most_stretches(sum_bytes) : 64);
  char *memory = kelip_thread_scratch(phases * ((int64_t)sizeof(Places) + numbers * 4) + 128);
  Places *places = (Places *)cut(&memory, phases * (int64_t)sizeof(Places));
  for (int64_t phase = 0; dx && phase < phases; phase++)
    places[phase] = kelip_make_places(&grid, grid.height, grid.width, grid.stride, phase,
                                      (int32_t *)memory + phase * numbers);
  float *sums = dweights ? kelip_own_scratch(KELIP_OPERAND, stretches.count * sum_bytes) : NULL;
  SharedBackward backward = {s, &grid, stretches, x, dy, weights, norm, dx, accumulate, places, sums, sum_bytes / 4,
                             dweights};
  kelip_pool_run(stretches.count, workers, backward_item, &backward);
  if (dweights) kelip_pool_run(grid.groups, workers, fold_item, &backward);
}
#else
// Never called here.
void kelip_convolution_backward(const KelipConvolution2D *sizes, const void *x, const void *dy,
                                const KelipNormGradient *norm, const void *weights, void *dx, int accumulate,
                                float *dweights) {
  (void)sizes, (void)x, (void)dy, (void)norm, (void)weights, (void)dx, (void)accumulate, (void)dweights;
  __builtin_trap();
}
#endif
