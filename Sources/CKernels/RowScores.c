#include "CKernels.h"
#include "Vector.h"

// Four rows at a time: their loads are in flight together, and the query's values are loaded once for them. The last rows
// go through the same loop, so that equal rows have equal scores wherever they stand.
#define SCORE_ROWS(type, load)                                                                                        \
  for (int64_t row = 0; row < rows; row += 4) {                                                                       \
    int64_t rest = rows - 1 - row;                                                                                    \
    const type *a = matrix + row * columns, *b = a + (rest < 1 ? 0 : 1) * columns,                                    \
               *c = a + (rest < 2 ? rest : 2) * columns, *d = a + (rest < 3 ? rest : 3) * columns;                    \
    float sum_a = 0, sum_b = 0, sum_c = 0, sum_d = 0;                                                                 \
    VECTOR for (int64_t i = 0; i < columns; i++) {                                                                    \
      sum_a += load(a[i]) * query[i];                                                                                 \
      sum_b += load(b[i]) * query[i];                                                                                 \
      sum_c += load(c[i]) * query[i];                                                                                 \
      sum_d += load(d[i]) * query[i];                                                                                 \
    }                                                                                                                 \
    float sums[4] = {sum_a, sum_b, sum_c, sum_d};                                                                     \
    memcpy(scores + row, sums, (size_t)(rest < 3 ? rest + 1 : 4) * sizeof(float));                                    \
  }

CLONES void kelip_score_rows_bf16(const void *rows_, const float *query, float *scores, int64_t rows, int64_t columns) {
  SUMS
  const bf16 *matrix = rows_;
  SCORE_ROWS(bf16, load_bf16)
}

CLONES void kelip_score_rows_f32(const float *matrix, const float *query, float *scores, int64_t rows, int64_t columns) {
  SUMS
  SCORE_ROWS(float, load_f32)
}
