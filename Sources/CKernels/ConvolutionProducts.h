// What forward and the gradients share: products of pieces in blocks of 32 positions × 32 channels.
#pragma once
#include "ConvolutionStaging.h"
#include "ConvolutionWeights.h"
#include "MatrixScratch.h"
#include "MatrixUnit.h"
#include "WorkerPool.h"

#if KELIP_HAS_TILES
/// Cuts a piece of `bytes` off `*from`.
static inline char *cut(char **from, int64_t bytes) {
  char *piece = *from;
  *from += kelip_up(bytes, 64);
  return piece;
}

/// A left operand: rows `row` bytes apart, groups of 32 channels `group` bytes apart.
typedef struct {
  const char *rows;
  int64_t row, group;
} Left;

/// Where results go: rows `row` bytes apart, of which place[p] is position p's; none if negative.
typedef struct {
  char *rows;
  int64_t row;
  const int32_t *place;
  int accumulate;
  const KelipColumnMoments *moments;
} Right;

/// A product's operands: `depth` groups of the left one's channels, `groups` of the right one's.
typedef struct {
  Left left;
  int64_t depth, taps, groups;
  const int64_t *shifts;
  const char *weights;
} Product;

/// Positions of `count` maps, in whole blocks.
static inline int64_t positions(const Grid *grid, int64_t count) {
  return kelip_up(count * grid->rows * grid->columns, 32);
}

/// places[p] of a piece's positions, in whole blocks: the row of its map that position p is, or −1; of a whole piece,
/// and of the last where it is smaller.
typedef struct {
  int32_t *whole, *last;
} Places;

/// Numbers of both.
int64_t kelip_places_count(const Grid *grid);
/// Of every `stride`-th row and column, from those of `phase` on, of maps height × width.
Places kelip_make_places(const Grid *grid, int64_t height, int64_t width, int64_t stride, int64_t phase,
                         int32_t *memory);

static inline const int32_t *places_of(const Grid *grid, const Places *places, int64_t count) {
  return count == grid->images ? places->whole : places->last;
}

/// Every block of 32 positions × 32 columns of a piece; `is_first`: moments begin with it.
void kelip_multiply_piece(const Product *product, int64_t positions, const Right *to, int is_first);

/// A piece of x in the form that forward's taps read, and its bytes.
void kelip_stage_piece(const Grid *grid, const KelipConvolution2D *sizes, const char *x, int64_t count, char *planes);
int64_t kelip_piece_bytes(const Grid *grid);
/// Bytes from there to what tap `tap` reads for position 0.
int64_t kelip_input_shift(const Grid *grid, int64_t tap);
#endif
