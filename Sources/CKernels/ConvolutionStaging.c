#include "ConvolutionStaging.h"

#if KELIP_HAS_TILES
#include <string.h>

int64_t kelip_staged_bytes(const Grid *grid, int64_t groups, int64_t phases) {
  return phases * groups * grid->pitch * 64;
}

/// What is copied: maps [.., height, width, 32·groups], every `stride`-th row and column from (y0, x0) on.
typedef struct {
  const char *x;
  int64_t height, width, groups, stride, y0, x0;
  const KelipNormGradient *norm;
} Source;

/// `count` places of a row, `step` bytes apart, to as many groups of channels, `plane` bytes apart.
TILES INLINE void copy_places(const char *from, int64_t step, int64_t count, int64_t groups, char *to, int64_t plane) {
  for (int64_t i = 0; i < count; i++, from += step, to += 64)
    for (int64_t group = 0; group < groups; group++)
      _mm512_storeu_si512(to + group * plane, _mm512_loadu_si512(from + group * 64));
}

TILES INLINE __m512 widened(const char *from) {
  return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from)), 16);
}

/// scale · (dY − shift − (y − mean) · slope) of 16 channels from `c` on.
TILES INLINE __m512 through_norm(const KelipNormGradient *norm, int64_t c, __m512 dy, __m512 y) {
  __m512 centred = _mm512_sub_ps(y, _mm512_loadu_ps(norm->mean + c));
  __m512 shifted = _mm512_sub_ps(dy, _mm512_loadu_ps(norm->shift + c));
  return _mm512_mul_ps(_mm512_loadu_ps(norm->scale + c),
                       _mm512_fnmadd_ps(centred, _mm512_loadu_ps(norm->slope + c), shifted));
}

/// The same through a norm; y lies as dY does.
TILES INLINE void norm_places(const KelipNormGradient *norm, const char *dy, const char *y, int64_t count,
                               int64_t groups, char *to, int64_t plane) {
  const int64_t place = groups * 64, together = 8;
  for (int64_t first = 0; first < count; first += together)
    for (int64_t group = 0; group < groups; group++)
      for (int64_t i = first; i < kelip_least(first + together, count); i++) {
        int64_t at = i * place + group * 64, c = group * 32;
        __m512 low = through_norm(norm, c, widened(dy + at), widened(y + at));
        __m512 high = through_norm(norm, c + 16, widened(dy + at + 32), widened(y + at + 32));
        _mm512_storeu_si512(to + group * plane + i * 64, (__m512i)_mm512_cvtne2ps_pbh(high, low));
      }
}

/// `count` places from row `row` of the source's maps (counted through all of them).
TILES INLINE void stage_places(const Source *source, int64_t row, int64_t count, char *to, int64_t plane) {
  int64_t place = source->groups * 64, at = (row * source->width + source->x0) * place;
  if (source->norm) {
    norm_places(source->norm, source->x + at, (const char *)source->norm->y + at, count, source->groups, to, plane);
  } else {
    copy_places(source->x + at, source->stride * place, count, source->groups, to, plane);
  }
}

/// Zeros in every group of channels.
TILES INLINE void clear_places(int64_t count, int64_t groups, char *to, int64_t plane) {
  for (int64_t group = 0; group < groups; group++) memset(to + group * plane, 0, (size_t)count * 64);
}

/// Maps of a single place, which need no borders, as one row.
TILES static void stage_dense(const Grid *grid, const Source *source, int64_t count, char *to) {
  Source row = *source;
  row.stride = 1;
  stage_places(&row, 0, count, to, grid->pitch * 64);
  clear_places(kelip_least(kelip_up(count, 32) + 2, grid->pitch) - count, source->groups, to + count * 64,
               grid->pitch * 64);
}

TILES static void stage(const Grid *grid, const Source *source, int64_t count, char *to) {
  int isDense = grid->rows * grid->columns == 1 && source->height * source->width == 1;
  if (isDense && source->y0 + source->x0 == 0) return stage_dense(grid, source, count, to);
  int64_t across = source->width > source->x0 ? (source->width - source->x0 + source->stride - 1) / source->stride : 0;
  int64_t groups = source->groups, plane = grid->pitch * 64;
  clear_places(grid->lead, groups, to, plane);
  to += grid->lead * 64;
  for (int64_t map = 0; map < count; map++)
    for (int64_t row = 0; row < grid->rows; row++) {
      int64_t y = row * source->stride + source->y0;
      int64_t filled = y < source->height ? across : 0;
      if (filled) stage_places(source, map * source->height + y, filled, to, plane);
      if (filled < grid->columns) clear_places(grid->columns - filled, groups, to + filled * 64, plane);
      to += grid->columns * 64;
    }
  int64_t used = count * grid->rows * grid->columns, end = kelip_up(used, 32) + grid->lead + 2;
  clear_places(kelip_least(end, grid->pitch - grid->lead) - used, groups, to, plane);
}

TILES void kelip_stage_input(const Grid *grid, const void *x, int64_t count, void *planes) {
  for (int64_t phase = 0; phase < grid->phases; phase++) {
    Source source = {x, grid->height, grid->width, grid->depth, grid->stride, phase / grid->stride,
                     phase % grid->stride, NULL};
    stage(grid, &source, count, (char *)planes + phase * grid->depth * grid->pitch * 64);
  }
}

TILES void kelip_stage_gradient(const Grid *grid, const void *dy, const KelipNormGradient *norm, int64_t count,
                          void *planes) {
  Source source = {dy, grid->out_height, grid->out_width, grid->groups, 1, 0, 0, norm};
  stage(grid, &source, count, planes);
}

int64_t kelip_lines_bytes(const Grid *grid) {
  // The last window of 32 values may lead beyond the last line, and a block of positions beyond the last row.
  return (grid->phases * grid->images * grid->rows + grid->taps + 1) * grid->line * 2 + 64 * 64;
}

TILES void kelip_stage_lines(const Grid *grid, const KelipConvolution2D *s, const void *x, int64_t count, void *lines) {
  memset(lines, 0, (size_t)kelip_lines_bytes(grid));
  int64_t row_bytes = s->width * s->inputs * 2;
  for (int64_t map = 0; map < count; map++)
    for (int64_t y = 0; y < s->height; y++) {
      int64_t padded = y + s->padding, phase = padded % s->stride, row = padded / s->stride;
      int64_t line = (phase * grid->images + map) * grid->rows + row;
      memcpy((char *)lines + (line * grid->line + s->padding * s->inputs) * 2,
             (const char *)x + (map * s->height + y) * row_bytes, (size_t)row_bytes);
    }
}

/// Index vectors that interleave the low (0) or high (16) sixteen words of two registers.
TILES INLINE __m512i interleaving(int from) {
  int16_t index[32];
  for (int i = 0; i < 16; i++) {
    index[2 * i] = (int16_t)(from + i);
    index[2 * i + 1] = (int16_t)(32 + from + i);
  }
  return _mm512_loadu_si512(index);
}

TILES void kelip_transpose_planes(const Grid *grid, const void *planes, int64_t groups, int64_t chunks, void *tiles) {
  const __m512i pick[2] = {interleaving(0), interleaving(16)};
  for (int64_t group = 0; group < groups; group++) {
    const char *rows = (const char *)planes + (group * grid->pitch + grid->lead) * 64;
    for (int64_t chunk = 0; chunk < chunks; chunk++, rows += 32 * 64)
      for (int half = 0; half < 2; half++) {
        __m512i r[16];
        for (int pair = 0; pair < 16; pair++)
          r[pair] = _mm512_permutex2var_epi16(_mm512_loadu_si512(rows + pair * 128), pick[half],
                                              _mm512_loadu_si512(rows + pair * 128 + 64));
        transpose16(r);
        char *to = (char *)tiles + ((2 * group + half) * chunks + chunk) * 1024;
        for (int i = 0; i < 16; i++) _mm512_storeu_si512(to + i * 64, r[i]);
      }
  }
}

TILES void kelip_pair_rows(const void *rows_, int64_t step, int64_t pairs, void *tiles, int64_t half) {
  const __m512i low = interleaving(0), high = interleaving(16);
  const char *rows = rows_;
  char *to = tiles;
  for (int64_t pair = 0; pair < pairs; pair++, rows += 2 * step, to += 64) {
    __m512i first = _mm512_loadu_si512(rows), second = _mm512_loadu_si512(rows + step);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi16(first, low, second));
    _mm512_storeu_si512(to + half, _mm512_permutex2var_epi16(first, high, second));
  }
}

#endif
