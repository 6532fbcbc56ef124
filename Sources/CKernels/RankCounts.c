#include "CKernels.h"
#include "Vector.h"

// Written so that a comparison with a NaN counts as ahead.
CLONES static int64_t count_not_below(const float *scores, int64_t count, float limit) {
  int32_t ahead = 0;
  VECTOR for (int64_t i = 0; i < count; i++) ahead += !(scores[i] < limit);
  return ahead;
}

CLONES static int64_t count_not_up_to(const float *scores, int64_t count, float limit) {
  int32_t ahead = 0;
  VECTOR for (int64_t i = 0; i < count; i++) ahead += !(scores[i] <= limit);
  return ahead;
}

int64_t kelip_count_ahead(const float *scores, int64_t count, float limit, int64_t place) {
  int64_t before = place < 0 ? 0 : place < count ? place : count;
  return count_not_below(scores, before, limit) + count_not_up_to(scores + before, count - before, limit);
}

CLONES static void add_row(const float *scores, int64_t columns, int32_t row, const float *limits,
                           const int32_t *places, int32_t *ahead) {
  VECTOR for (int64_t c = 0; c < columns; c++) {
    int behind = (scores[c] < limits[c]) | ((scores[c] == limits[c]) & (row >= places[c]));
    ahead[c] += !behind;
  }
}

void kelip_add_ahead(const float *scores, int64_t stride, int64_t rows, int64_t columns, int32_t first_row,
                     const float *limits, const int32_t *places, int32_t *ahead) {
  for (int64_t r = 0; r < rows; r++)
    add_row(scores + r * stride, columns, first_row + (int32_t)r, limits, places, ahead);
}
