// Blocks of 32 × 32, and how many it takes.
#pragma once
#include <stdint.h>

enum { BLOCK = 32, WORDS = BLOCK * BLOCK };

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t blocks(int64_t count) { return (count + BLOCK - 1) / BLOCK; }
