// An 8 × 8 block transposed in registers: interleave single elements, then pairs, then fours.
#pragma once
#include "Vector.h"

// Defines name(x, columns, y, stride): y[c, r] = x[r, c], rows `columns` and `stride` elements apart.
#define TRANSPOSE_BLOCK(name, Word)                                                                                \
  INLINE void name(const Word *x, int64_t columns, Word *y, int64_t stride) {                                      \
    typedef Word Eight __attribute__((vector_size(8 * sizeof(Word)), aligned(sizeof(Word))));                      \
    Eight r[8], s[8];                                                                                              \
    for (int i = 0; i < 8; i++) r[i] = *(const Eight *)(x + i * columns);                                          \
    for (int i = 0; i < 8; i += 2) {                                                                               \
      s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 2, 10, 3, 11);                                    \
      s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 4, 12, 5, 13, 6, 14, 7, 15);                              \
    }                                                                                                              \
    for (int half = 0; half < 8; half += 4)                                                                        \
      for (int i = 0; i < 2; i++) {                                                                                \
        r[half + 2 * i] = __builtin_shufflevector(s[half + i], s[half + i + 2], 0, 1, 8, 9, 2, 3, 10, 11);         \
        r[half + 2 * i + 1] = __builtin_shufflevector(s[half + i], s[half + i + 2], 4, 5, 12, 13, 6, 7, 14, 15);   \
      }                                                                                                            \
    for (int i = 0; i < 4; i++) {                                                                                  \
      *(Eight *)(y + (2 * i) * stride) = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);        \
      *(Eight *)(y + (2 * i + 1) * stride) = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);  \
    }                                                                                                              \
  }
