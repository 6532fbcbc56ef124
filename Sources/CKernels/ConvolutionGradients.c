// A convolution's gradients: of the input as a product like forward's, of the weights as sums over pairs of positions.
//
// Pieces of maps are shared out. What a worker has of a piece in its cache serves both gradients, unless the weights
// exceed that cache: then all workers make the pieces' operands first and share out the weights next.
#include "ConvolutionSums.h"

#if KELIP_HAS_TILES
typedef struct {
  const KelipConvolution2D *sizes;
  const Grid *grid;
  const char *x, *dy, *weights;
  const KelipNormGradient *norm;
  char *dx;
  int accumulate;
  /// Of each phase of the input.
  const Places *places;
  /// NULL: not wanted.
  float *dweights;
} Backward;

/// dX of a piece from dY in planes, phase after phase of the input.
TILES static void input_gradient(const Backward *b, const char *planes, int64_t count, char *dx) {
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

/// dX of the piece from map `map` on; leaves dY in `planes` and, if the weights' gradient is wanted, in `transposed`.
TILES static void piece_gradient(const Backward *b, int64_t map, int64_t count, char *planes, char *transposed) {
  const Grid *grid = b->grid;
  int64_t in_map = grid->height * grid->width * b->sizes->inputs * 2;
  int64_t out_map = grid->out_height * grid->out_width * b->sizes->outputs * 2;
  KelipNormGradient norm = b->norm ? *b->norm : (KelipNormGradient){0};
  if (b->norm) norm.y = (const char *)b->norm->y + map * out_map;
  kelip_stage_gradient(grid, b->dy + map * out_map, b->norm ? &norm : NULL, count, planes);
  if (b->dx) input_gradient(b, planes, count, b->dx + map * in_map);
  if (b->dweights) kelip_transpose_planes(grid, planes, grid->groups, positions(grid, count) / 32, transposed);
}

static const char *input_of(const Backward *b, int64_t map) {
  return b->x + map * b->grid->height * b->grid->width * b->sizes->inputs * 2;
}

/// Pieces in stretches, each with sums of its own.
typedef struct {
  const Backward *backward;
  Stretches stretches;
  /// [kept][weights]: of each stretch, or of the first and the one at work.
  float *sums;
  int64_t sums_each, kept;
} Stretched;

TILES static void stretch_item(void *context, int64_t stretch, int64_t worker) {
  (void)worker;
  const Stretched *shared = context;
  const Backward *b = shared->backward;
  const Grid *grid = b->grid;
  int64_t dy = kelip_staged_bytes(grid, grid->groups, 1), x = kelip_piece_bytes(grid), pairs = kelip_pairs_bytes(grid);
  int64_t transposed = positions(grid, grid->images) * b->sizes->outputs * 2;
  char *memory = kelip_own_scratch(KELIP_ITEM, dy + x + pairs + transposed + 256);
  char *dy_planes = cut(&memory, dy), *x_planes = cut(&memory, x), *pair_memory = cut(&memory, pairs);
  int64_t first = stretch * shared->stretches.maps, end = kelip_least(first + shared->stretches.maps, grid->batch);
  float *sums = shared->sums ? shared->sums + kelip_least(stretch, shared->kept - 1) * shared->sums_each : NULL;
  kelip_matrix_unit_begin();
  for (int64_t map = first; map < end; map += grid->images) {
    int64_t count = kelip_piece(grid, map);
    piece_gradient(b, map, count, dy_planes, memory);
    if (!b->dweights) continue;
    Pairs paired = kelip_pair_piece(grid, b->sizes, input_of(b, map), count, x_planes, pair_memory);
    kelip_add_products(grid, (Channels){0, grid->groups, 0, grid->depth}, memory, &paired,
                       positions(grid, count) / 32, map == first, sums);
  }
}

TILES static void add_sums(const float *part, int64_t count, float *sums) {
  for (int64_t i = 0; i < count; i += 16)
    _mm512_store_ps(sums + i, _mm512_add_ps(_mm512_load_ps(sums + i), _mm512_load_ps(part + i)));
}

/// The stretches' sums of one group of outputs, added up in their order, and to dWeights.
TILES static void fold_item(void *context, int64_t group, int64_t worker) {
  (void)worker;
  const Stretched *shared = context;
  const Backward *b = shared->backward;
  const int64_t block = b->grid->taps * 1024;
  for (int64_t depth = 0; depth < b->grid->depth; depth++) {
    float *sums = shared->sums + (group * b->grid->depth + depth) * block;
    for (int64_t stretch = 1; stretch < shared->kept; stretch++)
      add_sums(sums + stretch * shared->sums_each, block, sums);
    kelip_add_weight_sums(b->grid, b->sizes, group, depth, sums, b->dweights);
  }
}

/// A worker alone adds each stretch's sums up at once, while they are in its cache: the same additions.
static void run_alone(Stretched *shared) {
  for (int64_t stretch = 0; stretch < shared->stretches.count; stretch++) {
    stretch_item(shared, stretch, 0);
    if (stretch > 0 && shared->sums) add_sums(shared->sums + shared->sums_each, shared->sums_each, shared->sums);
  }
  shared->kept = 1;
}

/// Stretches at most: each costs a pass over its sums, which more workers, and unequal ones, outweigh up to here.
static int64_t most_stretches(const Backward *b, int64_t bytes) {
  const int64_t cheap = 4 << 20;
  return b->dweights ? kelip_most(8, kelip_least(16, cheap / bytes)) : 64;
}

static void run_stretched(const Backward *b, int64_t workers) {
  int64_t bytes = kelip_convolution_weight_bytes(b->sizes) * 2;
  Stretches stretches = kelip_stretches(b->grid, most_stretches(b, bytes));
  int64_t kept = kelip_least(stretches.count, workers == 1 ? 2 : stretches.count);
  float *sums = b->dweights ? kelip_own_scratch(KELIP_OPERAND, kept * bytes) : NULL;
  Stretched shared = {b, stretches, sums, bytes / 4, kept};
  if (workers == 1) {
    run_alone(&shared);
  } else {
    kelip_pool_run(stretches.count, workers, stretch_item, &shared);
  }
  if (b->dweights) kelip_pool_run(b->grid->groups, workers, fold_item, &shared);
}

/// Some pieces' operands of the weight gradient side by side, in memory that all workers see.
typedef struct {
  const Backward *backward;
  int64_t first, end;   // maps
  int64_t transposed, each;   // bytes of a piece's dYᵀ, and of that and its pairs
  char *operands;
  Channels block;   // of a worker's item
} Section;

TILES static void operand_item(void *context, int64_t piece, int64_t worker) {
  (void)worker;
  const Section *section = context;
  const Backward *b = section->backward;
  const Grid *grid = b->grid;
  int64_t dy = kelip_staged_bytes(grid, grid->groups, 1), x = kelip_piece_bytes(grid);
  char *memory = kelip_own_scratch(KELIP_ITEM, dy + x + 128), *dy_planes = cut(&memory, dy);
  int64_t map = section->first + piece * grid->images, count = kelip_piece(grid, map);
  char *operands = section->operands + piece * section->each;
  kelip_matrix_unit_begin();
  piece_gradient(b, map, count, dy_planes, operands);
  kelip_pair_piece(grid, b->sizes, input_of(b, map), count, memory, operands + section->transposed);
}

static int64_t blocks_of(int64_t groups, int64_t each) { return (groups + each - 1) / each; }

/// A block's sums stay in cache while all pieces pass by.
TILES static void block_item(void *context, int64_t index, int64_t worker) {
  (void)worker;
  const Section *section = context;
  const Backward *b = section->backward;
  const Grid *grid = b->grid;
  int64_t across = blocks_of(grid->depth, section->block.depths);
  Channels channels = {index / across * section->block.groups, 0, index % across * section->block.depths, 0};
  channels.groups = kelip_least(section->block.groups, grid->groups - channels.group);
  channels.depths = kelip_least(section->block.depths, grid->depth - channels.depth);
  float *sums = kelip_own_scratch(KELIP_ITEM, channels.groups * channels.depths * grid->taps * 4096);
  kelip_matrix_unit_begin();
  char *operands = section->operands;
  for (int64_t map = section->first; map < section->end; map += grid->images, operands += section->each) {
    Pairs pairs = {operands + section->transposed, grid->pitch * 32};
    kelip_add_products(grid, channels, operands, &pairs, positions(grid, kelip_piece(grid, map)) / 32,
                       map == section->first, sums);
  }
  for (int64_t group = 0; group < channels.groups; group++)
    for (int64_t depth = 0; depth < channels.depths; depth++)
      kelip_add_weight_sums(grid, b->sizes, channels.group + group, channels.depth + depth,
                            sums + (group * channels.depths + depth) * grid->taps * 1024, b->dweights);
}

// Memory of a section's operands.
#define SECTION_BYTES (96 << 20)

static void run_in_sections(const Backward *b, int64_t workers) {
  const Grid *grid = b->grid;
  const int64_t fewItems = 4 * workers;
  Section section = {.backward = b, .transposed = positions(grid, grid->images) * b->sizes->outputs * 2,
                     .block = {0, 8, 0, grid->taps == 1 ? 8 : 2}};
  int64_t across = blocks_of(grid->depth, section.block.depths);
  while (section.block.groups > 2 && blocks_of(grid->groups, section.block.groups) * across < fewItems)
    section.block.groups /= 2;
  section.each = section.transposed + kelip_up(kelip_pairs_bytes(grid), 64);
  int64_t bytes = blocks_of(grid->batch, grid->images) * section.each;
  Stretches sections = kelip_stretches(grid, blocks_of(bytes, SECTION_BYTES));
  section.operands = kelip_own_scratch(KELIP_OPERAND, sections.maps / grid->images * section.each);
  for (section.first = 0; section.first < grid->batch; section.first += sections.maps) {
    section.end = kelip_least(section.first + sections.maps, grid->batch);
    kelip_pool_run(blocks_of(section.end - section.first, grid->images), workers, operand_item, &section);
    kelip_pool_run(blocks_of(grid->groups, section.block.groups) * across, workers, block_item, &section);
  }
}

// Sums of weights' gradients that a second-level cache holds beside a piece.
#define CACHED_SUMS (2 << 20)

TILES void kelip_convolution_backward(const KelipConvolution2D *s, const void *x, const void *dy,
                                const KelipNormGradient *norm, const void *weights, void *dx, int accumulate,
                                float *dweights) {
  Grid grid;
  if (!kelip_grid(s, &grid) || grid.batch == 0) return;
  int64_t phases = grid.stride * grid.stride, numbers = kelip_places_count(&grid);
  char *memory = kelip_thread_scratch(phases * ((int64_t)sizeof(Places) + numbers * 4) + 128);
  Places *places = (Places *)cut(&memory, phases * (int64_t)sizeof(Places));
  for (int64_t phase = 0; dx && phase < phases; phase++)
    places[phase] = kelip_make_places(&grid, grid.height, grid.width, grid.stride, phase,
                                      (int32_t *)memory + phase * numbers);
  Backward backward = {s, &grid, x, dy, weights, norm, dx, accumulate, places, dweights};
  int64_t workers = kelip_convolution_workers(s, &grid);
  int exceeds = kelip_convolution_weight_bytes(s) * 2 > CACHED_SUMS;
  if (dweights && exceeds && !grid.windowed) {
    run_in_sections(&backward, workers);
  } else {
    run_stretched(&backward, workers);
  }
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
