// How a convolution's weights lie for the matrix unit: blocks of 32 × 32 numbers, two tiles of 16 columns each.
// Forward: [outputs / 32][inputs / 32][taps]; for the input gradient, phase after phase: [inputs / 32][outputs / 32][taps
// of the phase].
#pragma once
#include "ConvolutionGrid.h"
#include "Tiles.h"

#if KELIP_HAS_TILES
/// Taps that read a phase of the input.
int64_t kelip_phase_taps(const Grid *grid, int64_t phase);
/// Where a phase begins in the copy for the input gradient.
const char *kelip_phase_weights(const Grid *grid, const void *backward, int64_t phase);
/// dWeights[outputs, inputs, k, k] += sums[taps][32][32] of a group of outputs and one (`depth`) of inputs.
void kelip_add_weight_sums(const Grid *grid, const KelipConvolution2D *sizes, int64_t group, int64_t depth,
                           const float *sums, float *dweights);
#endif
