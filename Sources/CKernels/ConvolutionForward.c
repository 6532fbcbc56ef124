// A convolution's forward pass, shared out by pieces of maps, and the sums over its result's rows.
#include <string.h>

#include "ConvolutionProducts.h"

#if KELIP_HAS_TILES
int kelip_convolution_fits(const KelipConvolution2D *sizes) {
  Grid grid;
  return kelip_matrix_unit() && kelip_grid(sizes, &grid);
}

int kelip_convolution_has_input_gradient(const KelipConvolution2D *sizes) {
  Grid grid;
  return kelip_matrix_unit() && kelip_grid(sizes, &grid) && !grid.windowed;
}

/// A piece of x in the form that forward's taps read.
TILES void kelip_stage_piece(const Grid *grid, const KelipConvolution2D *s, const char *x, int64_t count, char *planes) {
  if (grid->windowed) {
    kelip_stage_lines(grid, s, x, count, planes);
  } else {
    kelip_stage_input(grid, x, count, planes);
  }
}

int64_t kelip_piece_bytes(const Grid *grid) {
  return grid->windowed ? kelip_lines_bytes(grid) : kelip_staged_bytes(grid, grid->depth, grid->phases);
}

/// Bytes from a staged piece's start to what tap `tap` reads for position 0.
int64_t kelip_input_shift(const Grid *grid, int64_t tap) {
  if (grid->windowed)
    return grid->phase[tap] * grid->images * grid->rows * grid->line * 2 + grid->shift[tap];
  return (grid->phase[tap] * grid->depth * grid->pitch + grid->lead + grid->shift[tap]) * 64;
}

typedef struct {
  const KelipConvolution2D *sizes;
  const Grid *grid;
  Stretches stretches;
  Places places;
  const int64_t *shifts;
  const char *x, *weights;
  char *y;
  /// [stretches][outputs]; NULL: none.
  const KelipColumnMoments *moments;
} SharedForward;

static KelipColumnMoments moments_of(const SharedForward *f, int64_t stretch) {
  int64_t first = stretch * f->sizes->outputs;
  return (KelipColumnMoments){f->moments->pivot + first, f->moments->sums + first, f->moments->squares + first};
}

TILES static void forward_item(void *context, int64_t stretch, int64_t worker) {
  (void)worker;
  const SharedForward *f = context;
  const Grid *grid = f->grid;
  const KelipConvolution2D *s = f->sizes;
  char *planes = kelip_own_scratch(KELIP_ITEM, kelip_piece_bytes(grid));
  Product product = {{planes, grid->windowed ? s->stride * s->inputs * 2 : 64, grid->pitch * 64},
                     grid->depth, grid->taps, grid->groups, f->shifts, f->weights};
  KelipColumnMoments moments = f->moments ? moments_of(f, stretch) : (KelipColumnMoments){0};
  if (f->moments) {
    memset(moments.sums, 0, (size_t)s->outputs * 8);
    memset(moments.squares, 0, (size_t)s->outputs * 8);
  }
  int64_t in_map = grid->height * grid->width * s->inputs * 2;
  int64_t out_map = grid->out_height * grid->out_width * s->outputs * 2;
  int64_t first = stretch * f->stretches.maps, end = kelip_least(first + f->stretches.maps, grid->batch);
  kelip_matrix_unit_begin();
  for (int64_t map = first; map < end; map += grid->images) {
    int64_t count = kelip_piece(grid, map);
    kelip_stage_piece(grid, s, f->x + map * in_map, count, planes);
    Right to = {f->y + map * out_map, s->outputs * 2, places_of(grid, &f->places, count), 0,
                f->moments ? &moments : NULL};
    kelip_multiply_piece(&product, positions(grid, count), &to, map == first);
  }
}

/// The stretches' sums about the first one's pivot.
TILES static void fold_stretches(const SharedForward *f, const KelipColumnMoments *to) {
  int64_t outputs = f->sizes->outputs, places = f->grid->out_height * f->grid->out_width;
  for (int64_t stretch = 0; stretch < f->stretches.count; stretch++) {
    KelipColumnMoments part = moments_of(f, stretch);
    int64_t maps = kelip_least(f->stretches.maps, f->grid->batch - stretch * f->stretches.maps);
    double rows = (double)(maps * places);
    for (int64_t c = 0; c < outputs; c++) {
      float pivot = stretch == 0 ? part.pivot[c] : to->pivot[c];
      double apart = (double)part.pivot[c] - (double)pivot, sum = part.sums[c];
      double square = part.squares[c] + apart * (2 * sum + rows * apart);
      sum += rows * apart;
      to->pivot[c] = pivot;
      to->sums[c] = stretch == 0 ? sum : to->sums[c] + sum;
      to->squares[c] = stretch == 0 ? square : to->squares[c] + square;
    }
  }
}

// Items of a forward pass, at most.
#define FORWARD_STRETCHES 64

TILES void kelip_convolution_forward(const KelipConvolution2D *s, const void *x, const void *weights, void *y,
                               const KelipColumnMoments *moments) {
  Grid grid;
  if (!kelip_grid(s, &grid) || grid.batch == 0) return;
  Stretches stretches = kelip_stretches(&grid, FORWARD_STRETCHES);
  int64_t sums = moments ? stretches.count * s->outputs : 0;
  char *memory = kelip_thread_scratch(kelip_places_count(&grid) * 4 + sums * 20 + 256);
  int32_t *places = (int32_t *)cut(&memory, kelip_places_count(&grid) * 4);
  KelipColumnMoments parts = {(float *)cut(&memory, sums * 4), (double *)cut(&memory, sums * 8),
                              (double *)cut(&memory, sums * 8)};
  int64_t shifts[MOST_TAPS];
  for (int64_t t = 0; t < grid.taps; t++) shifts[t] = kelip_input_shift(&grid, t);
  SharedForward forward = {s, &grid, stretches,
                           kelip_make_places(&grid, grid.out_height, grid.out_width, 1, 0, places),
                           shifts, x, weights, y, moments ? &parts : NULL};
  kelip_pool_run(stretches.count, kelip_convolution_workers(s, &grid), forward_item, &forward);
  if (moments) fold_stretches(&forward, moments);
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
#endif
