#include "CKernels.h"
#include "Vector.h"

// Four rows at a time: their loads are in flight together, and the query's values are loaded once for them. The last rows
// go through the same loop, so that equal rows have equal scores wherever they stand.
CLONES void kelip_score_rows(const void *rows_, const float *query, float *scores, int64_t rows, int64_t columns) {
  SUMS
  const bf16 *matrix = rows_;
  for (int64_t row = 0; row < rows; row += 4) {
    int64_t rest = rows - 1 - row;
    const bf16 *a = matrix + row * columns, *b = a + (rest < 1 ? 0 : 1) * columns,
               *c = a + (rest < 2 ? rest : 2) * columns, *d = a + (rest < 3 ? rest : 3) * columns;
    float sums[4], sum_a = 0, sum_b = 0, sum_c = 0, sum_d = 0;
    VECTOR for (int64_t i = 0; i < columns; i++) {
      sum_a += load_bf16(a[i]) * query[i];
      sum_b += load_bf16(b[i]) * query[i];
      sum_c += load_bf16(c[i]) * query[i];
      sum_d += load_bf16(d[i]) * query[i];
    }
    sums[0] = sum_a, sums[1] = sum_b, sums[2] = sum_c, sums[3] = sum_d;
    memcpy(scores + row, sums, (size_t)(rest < 3 ? rest + 1 : 4) * sizeof(float));
  }
}
