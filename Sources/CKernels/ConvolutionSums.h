// Weight gradients of a piece of maps: dYᵀ · x, tap by tap, in blocks of 32 outputs × 32 inputs.
#pragma once
#include "ConvolutionProducts.h"

#if KELIP_HAS_TILES
/// The input in pairs of positions: runs [phase][group][parity][half][pairs][16][2] (windowed: [tap][half]…).
typedef struct {
  char *tiles;
  int64_t run;   // bytes of a half
} Pairs;

/// Groups of 32 outputs and of 32 inputs.
typedef struct {
  int64_t group, groups, depth, depths;
} Channels;

/// Bytes of a whole piece's pairs.
int64_t kelip_pairs_bytes(const Grid *grid);
/// `count` maps of x in `memory`; `planes` is scratch of `kelip_piece_bytes`.
Pairs kelip_pair_piece(const Grid *grid, const KelipConvolution2D *sizes, const char *x, int64_t count, char *planes,
                       char *memory);
/// sums[groups][depths][taps][32][32] of the channels (+)= those of a piece; written if `is_first`. `transposed` is as
/// `kelip_transpose_planes` left it.
void kelip_add_products(const Grid *grid, Channels channels, const char *transposed, const Pairs *pairs,
                        int64_t chunks, int is_first, float *sums);
#endif
