// Operands of fp32 products in the order in which their tiles read them.
#pragma once
#include "FloatProducts.h"
#include "FloatTiles.h"

#if KELIP_HAS_WIDE
// Rows of K between one that is copied and one that is fetched.
enum { AHEAD = 8 };

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t round_up(int64_t count, int64_t grain) { return (count + grain - 1) / grain * grain; }

// The first 128 bits of rows i, i + 4, i + 8 and i + 12, none of them beyond the last.
WIDE INLINE __m512 four_rows(const float *x, int64_t stride, int i, int last) {
  __m512 rows = _mm512_castps128_ps512(_mm_loadu_ps(x + i * stride));
  rows = _mm512_insertf32x4(rows, _mm_loadu_ps(x + (i + 4) * stride), 1);
  rows = _mm512_insertf32x4(rows, _mm_loadu_ps(x + (i + 8) * stride), 2);
  return _mm512_insertf32x4(rows, _mm_loadu_ps(x + (i + 12 > last ? last : i + 12) * stride), 3);
}

// 16 columns of x as rows of y; of the first `rows` (13 … 16) rows, then any values.
WIDE INLINE void transpose_whole(const float *x, int64_t x_stride, int rows, float *y, int64_t y_stride) {
  for (int j = 0; j < 16; j += 4, x += 4, y += 4 * y_stride) {
    __m512 a = four_rows(x, x_stride, 0, rows - 1), b = four_rows(x, x_stride, 1, rows - 1);
    __m512 c = four_rows(x, x_stride, 2, rows - 1), d = four_rows(x, x_stride, 3, rows - 1);
    __m512d ab = (__m512d)_mm512_unpacklo_ps(a, b), cd = (__m512d)_mm512_unpacklo_ps(c, d);
    __m512d upper_ab = (__m512d)_mm512_unpackhi_ps(a, b), upper_cd = (__m512d)_mm512_unpackhi_ps(c, d);
    _mm512_store_pd(y, _mm512_unpacklo_pd(ab, cd));
    _mm512_store_pd(y + y_stride, _mm512_unpackhi_pd(ab, cd));
    _mm512_store_pd(y + 2 * y_stride, _mm512_unpacklo_pd(upper_ab, upper_cd));
    _mm512_store_pd(y + 3 * y_stride, _mm512_unpackhi_pd(upper_ab, upper_cd));
  }
}

// The same at an edge: `rows` and `columns` are real, the rest of a column zeros.
WIDE static inline void transpose_edge(const float *x, int64_t x_stride, int64_t rows, int64_t columns, float *y,
                                       int64_t y_stride) {
  __m512i r[16];
  __mmask16 real = mask16(columns);
  for (int64_t i = 0; i < 16; i++)
    r[i] = i < rows ? (__m512i)_mm512_maskz_loadu_ps(real, x + i * x_stride) : _mm512_setzero_si512();
  transpose16(r);
  for (int64_t j = 0; j < 16 && j < columns; j++) _mm512_store_si512(y + j * y_stride, r[j]);
}

// A line of each of the rows that are packed next.
WIDE INLINE void prefetch_rows(const float *x, int64_t stride, int rows) {
  for (int i = 0; i < rows; i++) _mm_prefetch(x + i * stride, _MM_HINT_T1);
}

// Rows [row, row + rows) of A, columns [first, first + depth), in strips of 14 rows: strip[k, i] = A[i, k].
WIDE static inline void pack_strips(const KelipMatrix *a, int64_t row, int64_t rows, int64_t first, int64_t depth,
                                    float *strips) {
  if (a->transposed) {
    const float *x = a->start + first * a->stride + row;
    for (int64_t k = 0; k < depth; k++, x += a->stride)
      for (int64_t i = 0; i < rows; i += ROWS) {
        _mm_prefetch(x + i + AHEAD * a->stride, _MM_HINT_T0);
        _mm512_store_ps(strips + i / ROWS * depth * STRIP + k * STRIP,
                        _mm512_maskz_loadu_ps(mask16(least(ROWS, rows - i)), x + i));
      }
    return;
  }
  for (int64_t i = 0; i < rows; i += ROWS, strips += depth * STRIP) {
    const float *x = a->start + (row + i) * a->stride + first;
    for (int64_t k = 0; k < depth; k += 16)
      if (rows - i >= ROWS && depth - k >= 16) {
        prefetch_rows(x + k + ROWS * a->stride, a->stride, ROWS);
        transpose_whole(x + k, a->stride, ROWS, strips + k * STRIP, STRIP);
      } else {
        transpose_edge(x + k, a->stride, least(ROWS, rows - i), depth - k, strips + k * STRIP, STRIP);
      }
  }
}

// The same of B in panels of 32 columns: panel[k, j] = B[k, j].
WIDE static inline void pack_panels(const KelipMatrix *b, int64_t first, int64_t depth, int64_t column, int64_t columns,
                             float *panels) {
  if (!b->transposed) {
    const float *x = b->start + first * b->stride + column;
    for (int64_t k = 0; k < depth; k++, x += b->stride)
      for (int64_t j = 0; j < columns; j += 16) {
        _mm_prefetch(x + j + AHEAD * b->stride, _MM_HINT_T0);
        _mm512_store_ps(panels + j / COLUMNS * COLUMNS * depth + k * COLUMNS + j % COLUMNS,
                        _mm512_maskz_loadu_ps(mask16(columns - j), x + j));
      }
    return;
  }
  for (int64_t j = 0; j < columns; j += 16) {
    const float *x = b->start + (column + j) * b->stride + first;
    float *panel = panels + j / COLUMNS * COLUMNS * depth + j % COLUMNS;
    for (int64_t k = 0; k < depth; k += 16)
      if (columns - j >= 16 && depth - k >= 16) {
        prefetch_rows(x + k + 16 * b->stride, b->stride, 16);
        transpose_whole(x + k, b->stride, 16, panel + k * COLUMNS, COLUMNS);
      } else {
        transpose_edge(x + k, b->stride, columns - j, depth - k, panel + k * COLUMNS, COLUMNS);
      }
  }
}
#endif
