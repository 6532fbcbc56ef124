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

/// dX of a piece from dY in planes, phase after phase of the input.
TILES static void input_gradient(const Grid *grid, const KelipConvolution2D *s, const char *planes, int64_t count,
                           const void *weights, int32_t *places, char *dx, int accumulate) {
  for (int64_t phase = 0; phase < grid->stride * grid->stride; phase++) {
    int64_t shifts[MOST_TAPS], taps = 0;
    for (int64_t t = 0; t < grid->taps; t++)
      if (grid->phase[t] == phase) shifts[taps++] = (grid->lead - grid->shift[t]) * 64;
    if (taps == 0 && accumulate) continue;
    kelip_fill_places(grid, count, grid->height, grid->width, grid->stride, phase, places);
    Right to = {dx, s->inputs * 2, places, accumulate, NULL};
    Product product = {{planes, 64, grid->pitch * 64}, grid->groups, taps, grid->depth, shifts,
                       kelip_phase_weights(grid, weights, phase)};
    kelip_multiply_piece(&product, positions(grid, count), &to, 0);
  }
}

TILES void kelip_convolution_backward(const KelipConvolution2D *s, const void *x, const void *dy,
                                const KelipNormGradient *norm, const void *weights, void *dx, int accumulate,
                                float *dweights) {
  Grid grid;
  if (!kelip_grid(s, &grid)) return;
  kelip_matrix_unit_begin();
  int64_t most = positions(&grid, grid.images), chunks_most = most / 32;
  int64_t dy_bytes = kelip_staged_bytes(&grid, grid.groups, 1), x_bytes = kelip_piece_bytes(&grid);
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
    if (!isDense) kelip_stage_piece(&grid, s, here_x, count, x_planes);
    Pairs pairs = isDense ? pair_rows_of(&grid, here_x, chunks, pair_memory)
                          : pair_input(&grid, s, x_planes, chunks, pair_memory);
    add_weight_gradient(&grid, transposed, &pairs, chunks, map == 0, sums);
  }
  if (dweights && grid.batch > 0) kelip_add_weight_sums(&grid, s, sums, dweights);
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
