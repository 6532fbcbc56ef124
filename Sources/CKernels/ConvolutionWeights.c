// A convolution's weights as the matrix unit's right operands, and its sums of gradients as weights lie.
#include "ConvolutionWeights.h"

#include "ConvolutionStaging.h"
#include "WorkerPool.h"

#if KELIP_HAS_TILES

/// Words `step` floats apart.
TILES INLINE __m512i steps(int64_t step) {
  int32_t index[16];
  for (int i = 0; i < 16; i++) index[i] = (int32_t)(i * step);
  return _mm512_loadu_si512(index);
}

/// block[32 outputs][32 inputs] of one tap, weights `taps` apart.
TILES static void gather_block(const float *weights, int64_t output_step, int64_t taps, uint16_t block[32][32]) {
  const __m512i index = steps(taps);
  for (int o = 0; o < 32; o++) {
    const float *from = weights + o * output_step;
    __m512 low = taps == 1 ? _mm512_loadu_ps(from) : _mm512_i32gather_ps(index, from, 4);
    __m512 high = taps == 1 ? _mm512_loadu_ps(from + 16) : _mm512_i32gather_ps(index, from + 16 * taps, 4);
    _mm512_storeu_si512(block[o], (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}

/// The same of a windowed tap `ky`: inputs are (kx, channel), and zeros up to 32.
TILES static void gather_window(const KelipConvolution2D *s, const float *weights, int64_t ky, uint16_t block[32][32]) {
  for (int o = 0; o < 32; o++) {
    float row[32] = {0};
    for (int64_t kx = 0; kx < s->kernel; kx++)
      for (int64_t c = 0; c < s->inputs; c++)
        row[kx * s->inputs + c] = weights[((o * s->inputs + c) * s->kernel + ky) * s->kernel + kx];
    _mm512_storeu_si512(block[o], (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(row + 16), _mm512_loadu_ps(row)));
  }
}

/// Sixteen rows of sixteen pairs, transposed.
TILES static void transpose_rows(uint16_t rows[16][32], char *to) {
  __m512i r[16];
  for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_si512(rows[i]);
  transpose16(r);
  for (int i = 0; i < 16; i++) _mm512_storeu_si512(to + i * 64, r[i]);
}

int64_t kelip_phase_taps(const Grid *grid, int64_t phase) {
  int64_t count = 0;
  for (int64_t t = 0; t < grid->taps; t++) count += grid->phase[t] == phase;
  return count;
}

const char *kelip_phase_weights(const Grid *grid, const void *backward, int64_t phase) {
  const char *start = backward;
  for (int64_t before = 0; before < phase; before++)
    start += kelip_phase_taps(grid, before) * grid->depth * grid->groups * 2048;
  return start;
}

/// Where the block of (outputs, inputs, tap) lies in the copy for the input gradient.
static char *backward_place(const Grid *grid, void *backward, int64_t group, int64_t depth, int64_t tap) {
  int64_t taps = kelip_phase_taps(grid, grid->phase[tap]), number = 0;
  for (int64_t t = 0; t < tap; t++) number += grid->phase[t] == grid->phase[tap];
  return (char *)kelip_phase_weights(grid, backward, grid->phase[tap]) +
         ((depth * grid->groups + group) * taps + number) * 2048;
}

int64_t kelip_convolution_weight_bytes(const KelipConvolution2D *sizes) {
  Grid grid;
  return kelip_grid(sizes, &grid) ? grid.groups * grid.depth * grid.taps * 2048 : 0;
}

typedef struct {
  const KelipConvolution2D *sizes;
  const Grid *grid;
  const float *weights;
  void *forward, *backward;
} SharedPacking;

TILES static void pack_item(void *context, int64_t group, int64_t worker) {
  (void)worker;
  const SharedPacking *p = context;
  const Grid *grid = p->grid;
  const KelipConvolution2D *s = p->sizes;
  int64_t taps = s->kernel * s->kernel, row = s->inputs * taps;
  const float *corner = p->weights + group * 32 * row;
  for (int64_t depth = 0; depth < grid->depth; depth++)
    for (int64_t tap = 0; tap < grid->taps; tap++) {
      _Alignas(64) uint16_t block[32][32];
      if (grid->windowed) {
        gather_window(s, corner, tap, block);
      } else {
        gather_block(corner + depth * 32 * taps + tap, row, taps, block);
      }
      char *to = (char *)p->forward + ((group * grid->depth + depth) * grid->taps + tap) * 2048;
      if (p->forward) {
        transpose_rows(block, to);
        transpose_rows(block + 16, to + 1024);
      }
      if (p->backward && !grid->windowed)
        kelip_pair_rows(block, 64, 16, backward_place(grid, p->backward, group, depth, tap), 1024);
    }
}

void kelip_convolution_pack(const KelipConvolution2D *s, const float *weights, void *forward, void *backward) {
  Grid grid;
  if (!kelip_grid(s, &grid)) return;
  SharedPacking packing = {s, &grid, weights, forward, backward};
  const int64_t worthSharing = 1 << 16;
  int64_t count = s->outputs * s->inputs * s->kernel * s->kernel;
  kelip_pool_run(grid.groups, count < worthSharing ? 1 : kelip_pool_workers(), pack_item, &packing);
}

/// dWeights of one output += its sums [taps] of 32 inputs, `step` floats from tap to tap.
TILES static void add_row(const float *sums, int64_t step, int64_t taps, float *dweights) {
  const __m512i index = steps(taps);
  for (int64_t tap = 0; tap < taps; tap++)
    for (int64_t i = 0; i < 32; i += 16) {
      float *to = dweights + i * taps + tap;
      __m512 sum = _mm512_loadu_ps(sums + tap * step + i);
      if (taps == 1) {
        _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), sum));
      } else {
        _mm512_i32scatter_ps(to, index, _mm512_add_ps(_mm512_i32gather_ps(index, to, 4), sum), 4);
      }
    }
}

TILES static void add_window(const KelipConvolution2D *s, const float *sums, int64_t ky, float *dweights) {
  for (int64_t o = 0; o < 32; o++)
    for (int64_t kx = 0; kx < s->kernel; kx++)
      for (int64_t c = 0; c < s->inputs; c++)
        dweights[((o * s->inputs + c) * s->kernel + ky) * s->kernel + kx] += sums[o * 32 + kx * s->inputs + c];
}

TILES void kelip_add_weight_sums(const Grid *grid, const KelipConvolution2D *s, int64_t group, int64_t depth,
                                 const float *sums, float *dweights) {
  int64_t taps = s->kernel * s->kernel, row = s->inputs * taps;
  float *corner = dweights + group * 32 * row + depth * 32 * taps;
  if (grid->windowed) {
    for (int64_t ky = 0; ky < s->kernel; ky++) add_window(s, sums + ky * 1024, ky, corner);
  } else {
    for (int64_t o = 0; o < 32; o++) add_row(sums + o * 32, 1024, taps, corner + o * row);
  }
}

#else
int64_t kelip_convolution_weight_bytes(const KelipConvolution2D *sizes) { return (void)sizes, 0; }
void kelip_convolution_pack(const KelipConvolution2D *sizes, const float *weights, void *forward, void *backward) {
  (void)sizes, (void)weights, (void)forward, (void)backward;
}
#endif
