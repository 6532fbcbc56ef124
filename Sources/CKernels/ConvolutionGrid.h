// The form in which the matrix unit sees maps: positions laid end to end, so that a kernel's tap is a shift.
//
// A map becomes planes [channels / 32][positions][32]. Rows of a map are W + q positions long and maps H + q rows high: the
// q (as far as a kernel reaches) empty places at each end serve the next row too. A stride s splits the input into s × s
// planes of every s-th row and column; output position p then reads plane(tap) at p + shift(tap).
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "MatrixConvolution.h"

#define MOST_TAPS 121

typedef struct {
  int64_t batch;              // maps; rows where a map is a single place
  int64_t height, width;      // of the input
  int64_t out_height, out_width;
  int64_t stride;
  int64_t rows, columns;      // of a map in positions
  int64_t lead;               // empty positions before the first
  int64_t images;             // maps in a full piece
  int64_t pitch;              // positions of a plane of a full piece, lead and tail included
  int64_t phases;             // s², or 1 where only the first is read
  int64_t taps;
  int64_t windowed;           // a tap is a whole row of a window, of at most 32 values
  int64_t depth;              // groups of 32 input channels (1 if windowed)
  int64_t groups;             // groups of 32 output channels
  int64_t phase[MOST_TAPS];   // of the input that a tap reads
  int64_t shift[MOST_TAPS];   // in positions (in bytes if windowed)
  int64_t line;               // values of a padded input row, if windowed
} Grid;

/// 0 if there is no such grid.
int kelip_grid(const KelipConvolution2D *sizes, Grid *grid);

static inline int64_t kelip_up(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }
static inline int64_t kelip_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t kelip_most(int64_t a, int64_t b) { return a > b ? a : b; }

/// Maps of a piece that begins at map `first`.
static inline int64_t kelip_piece(const Grid *grid, int64_t first) {
  return kelip_least(grid->images, grid->batch - first);
}

/// The pieces in runs that are a worker's items. They are the same for any number of workers, so that sums over pieces
/// do not depend on it.
typedef struct {
  int64_t count;
  int64_t maps;   // of each but the last: whole pieces
} Stretches;

/// At most `most` of them.
Stretches kelip_stretches(const Grid *grid, int64_t most);

/// How many to ask for: small products are not worth waking anybody.
int64_t kelip_convolution_workers(const KelipConvolution2D *sizes, const Grid *grid);
