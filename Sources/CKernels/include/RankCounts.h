// How many scores stand ahead of a match: the greater ones, of equal ones those with a smaller place, and whatever
// compares with no number.
#pragma once
#include <stdint.h>

/// Of the scores at places 0 ..< `count` those ahead of a match with score `limit` at `place`, which may lie outside.
int64_t kelip_count_ahead(const float *scores, int64_t count, float limit, int64_t place);

/// For each column of scores[R, C], rows `stride` apart and at places from `first_row` on, ahead[c] += how many are
/// ahead of the match with score limits[c] at places[c].
void kelip_add_ahead(const float *scores, int64_t stride, int64_t rows, int64_t columns, int32_t first_row,
                     const float *limits, const int32_t *places, int32_t *ahead);
