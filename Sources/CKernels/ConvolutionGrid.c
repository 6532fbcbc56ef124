#include "ConvolutionGrid.h"

#include "WorkerPool.h"

// Bytes of one operand's piece: what leaves room for the weights in a second-level cache of 2 MB.
#define PIECE_BYTES (640 << 10)

static int64_t after(int64_t side, const KelipConvolution2D *s) {
  return (side + 2 * s->padding - s->kernel) / s->stride + 1;
}

static int64_t ceiling(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// A kernel of one place that moves by one: maps are rows, and rows need no borders.
static void flatten(const KelipConvolution2D *s, Grid *grid) {
  grid->batch = s->batch * s->height * s->width;
  grid->height = grid->width = grid->out_height = grid->out_width = 1;
  grid->rows = grid->columns = 1;
}

/// kernel place − padding = stride · a + phase in each direction: the tap reads plane `phase` shifted by a.
static void place_taps(const KelipConvolution2D *s, Grid *grid) {
  int64_t reach = kelip_most(ceiling(s->padding, s->stride), (s->kernel - 1 - s->padding) / s->stride);
  grid->rows = kelip_most(grid->out_height, ceiling(s->height, s->stride)) + reach;
  grid->columns = kelip_most(grid->out_width, ceiling(s->width, s->stride)) + reach;
  grid->lead = reach * grid->columns + reach;
  for (int64_t ky = 0; ky < s->kernel; ky++)
    for (int64_t kx = 0; kx < s->kernel; kx++) {
      // Counted from a far multiple of the stride, so that the division rounds down.
      int64_t y = ky - s->padding + s->stride * reach, x = kx - s->padding + s->stride * reach;
      int64_t tap = ky * s->kernel + kx;
      grid->phase[tap] = y % s->stride * s->stride + x % s->stride;
      grid->shift[tap] = (y / s->stride - reach) * grid->columns + x / s->stride - reach;
      if (grid->phase[tap]) grid->phases = s->stride * s->stride;
    }
}

/// Few channels: a tap is a kernel row, whose k·C values lie side by side in a padded input row. Input rows are dealt to
/// s planes, so that an output row is one line further.
static void place_windows(const KelipConvolution2D *s, Grid *grid) {
  grid->windowed = 1;
  grid->depth = 1;
  grid->taps = s->kernel;
  grid->phases = s->stride;
  grid->columns = ceiling(s->width + 2 * s->padding, s->stride);
  grid->rows = ceiling(s->height + 2 * s->padding, s->stride);
  grid->line = grid->columns * s->stride * s->inputs;
  for (int64_t ky = 0; ky < s->kernel; ky++) {
    grid->phase[ky] = ky % s->stride;
    grid->shift[ky] = ky / s->stride * grid->line * 2;
  }
}

/// Maps of a piece, of at most `most`: a number of pieces that a few workers can share, unless they become too small for
/// a pass over the weights.
static int64_t share_out(int64_t batch, int64_t places, int64_t most) {
  const int64_t eights = 8, positions = 256;
  int64_t pieces = kelip_up(ceiling(batch, most), eights);
  return kelip_most(1, kelip_least(most, kelip_most(ceiling(batch, pieces), ceiling(positions, places))));
}

int kelip_grid(const KelipConvolution2D *s, Grid *grid) {
  int windowed = s->inputs % 32 != 0 && s->kernel * s->inputs <= 32;
  int whole = s->inputs % 32 == 0;
  if ((!windowed && !whole) || s->outputs % 32 != 0 || s->padding >= s->kernel) return 0;
  if (s->kernel * s->kernel > MOST_TAPS) return 0;
  *grid = (Grid){.batch = s->batch, .height = s->height, .width = s->width, .stride = s->stride, .phases = 1};
  grid->out_height = after(s->height, s);
  grid->out_width = after(s->width, s);
  grid->taps = s->kernel * s->kernel;
  grid->depth = s->inputs / 32;
  grid->groups = s->outputs / 32;
  if (windowed) {
    place_windows(s, grid);
  } else if (s->kernel == 1 && s->stride == 1) {
    flatten(s, grid);
  } else {
    place_taps(s, grid);
  }
  int64_t places = grid->rows * grid->columns;
  int64_t image = places * 64 * kelip_most(grid->depth * grid->phases, grid->groups);
  grid->images = share_out(grid->batch, places, kelip_most(1, kelip_least(grid->batch, PIECE_BYTES / image)));
  if (places == 1 && grid->images < grid->batch) grid->images = kelip_most(32, grid->images & ~31);
  // A block of 32 may begin at the last position, and a shift lead further.
  grid->pitch = kelip_up(grid->lead + grid->images * places, 32) + 32 + grid->lead;
  return 1;
}

Stretches kelip_stretches(const Grid *grid, int64_t most) {
  int64_t pieces = ceiling(grid->batch, grid->images), each = ceiling(pieces, most);
  return (Stretches){ceiling(pieces, each), each * grid->images};
}

int64_t kelip_convolution_workers(const KelipConvolution2D *s, const Grid *grid) {
  const int64_t worthSharing = 1 << 22;
  int64_t rows = grid->batch * grid->out_height * grid->out_width;
  return rows * s->inputs * s->kernel * s->kernel * s->outputs < worthSharing ? 1 : kelip_pool_workers();
}
