// Pieces of maps copied into the forms that the matrix unit reads (ConvolutionGrid.h).
#pragma once
#include "ConvolutionGrid.h"
#include "Tiles.h"

#if KELIP_HAS_TILES
/// Bytes of `kelip_stage`'s result.
int64_t kelip_staged_bytes(const Grid *grid, int64_t groups, int64_t phases);
/// `count` maps from x[.., H, W, inputs] → planes [phases][inputs / 32][pitch][32].
void kelip_stage_input(const Grid *grid, const void *x, int64_t count, void *planes);
/// `count` maps from dY[.., H', W', outputs], through `norm` if there is one (whose y begins with the same map) →
/// planes [outputs / 32][pitch][32].
void kelip_stage_gradient(const Grid *grid, const void *dy, const KelipNormGradient *norm, int64_t count,
                          void *planes);

/// Bytes of `kelip_stage_lines`' result.
int64_t kelip_lines_bytes(const Grid *grid);
/// `count` maps from x[.., H, W, C] → padded rows [stride][maps][rows][line], for windowed taps.
void kelip_stage_lines(const Grid *grid, const KelipConvolution2D *sizes, const void *x, int64_t count, void *lines);

/// planes[groups][pitch][32] from position `lead` on → [2·groups][chunks of 32 positions][16 channels][32 positions].
void kelip_transpose_planes(const Grid *grid, const void *planes, int64_t groups, int64_t chunks, void *tiles);
/// Rows of 64 bytes, `step` bytes apart → two runs [pairs][16 channels][2 rows], `half` bytes apart.
void kelip_pair_rows(const void *rows, int64_t step, int64_t pairs, void *tiles, int64_t half);
#endif
