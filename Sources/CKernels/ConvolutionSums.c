// Weight gradients as sums over pairs of positions, on the matrix unit.
#include "ConvolutionSums.h"

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

static int64_t run_of(const Grid *grid, int64_t chunks) { return grid->windowed ? chunks * 1024 : grid->pitch * 32; }

TILES static Pairs pair_input(const Grid *grid, const KelipConvolution2D *s, const char *planes, int64_t chunks,
                              char *memory) {
  Pairs pairs = {memory, run_of(grid, chunks)};
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
  Pairs pairs = {memory, run_of(grid, chunks)};
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

TILES void kelip_add_products(const Grid *grid, Channels channels, const char *transposed, const Pairs *pairs,
                              int64_t chunks, int is_first, float *sums) {
  for (int64_t group = 0; group < channels.groups; group++)
    for (int64_t chunk = 0; chunk < chunks; chunk += CHUNKS_AT_ONCE) {
      int64_t count = kelip_least(CHUNKS_AT_ONCE, chunks - chunk);
      const char *a = transposed + (2 * (channels.group + group) * chunks + chunk) * 1024;
      for (int64_t depth = 0; depth < channels.depths; depth++)
        for (int64_t tap = 0; tap < grid->taps; tap++) {
          const char *b = pairs_place(grid, pairs, channels.depth + depth, tap) + chunk * 1024;
          float *block = sums + ((group * channels.depths + depth) * grid->taps + tap) * 1024;
          multiply_positions(a, a + chunks * 1024, b, b + pairs->run, count, is_first && chunk == 0, block);
        }
    }
}

int64_t kelip_pairs_bytes(const Grid *grid) {
  return grid->windowed ? grid->taps * positions(grid, grid->images) / 32 * 2048 : 2 * kelip_piece_bytes(grid);
}

TILES Pairs kelip_pair_piece(const Grid *grid, const KelipConvolution2D *s, const char *x, int64_t count, char *planes,
                             char *memory) {
  int64_t chunks = positions(grid, count) / 32;
  int isDense = !grid->windowed && grid->taps * grid->height * grid->width == 1 && count % 32 == 0;
  if (isDense) return pair_rows_of(grid, x, chunks, memory);
  kelip_stage_piece(grid, s, x, count, planes);
  return pair_input(grid, s, planes, chunks, memory);
}
#endif
