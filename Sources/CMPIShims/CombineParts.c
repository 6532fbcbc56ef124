#include "CMPIShims.h"

#include <string.h>
#include <sys/prctl.h>
#include <time.h>

// One binary for every processor: the loader picks the widest clone that the machine has.
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

// Elements that are combined at a time: the partial result stays in the first-level cache, and `out` is written
// only when every part of the block has been read, so it may be one of them.
enum { BLOCK = 1024 };

#define DEFINE_COMBINE(name, type, EXPRESSION)                                               \
  CLONES void name(const type *const *parts, int part_count, type *out, size_t count) {      \
    type held[BLOCK];                                                                        \
    for (size_t start = 0; start < count; start += BLOCK) {                                  \
      size_t length = count - start < BLOCK ? count - start : BLOCK;                         \
      memcpy(held, parts[0] + start, length * sizeof(type));                                 \
      for (int k = 1; k < part_count; k++) {                                                 \
        const type *part = parts[k] + start;                                                 \
        for (size_t i = 0; i < length; i++) {                                                \
          type a = held[i], b = part[i];                                                     \
          held[i] = EXPRESSION;                                                              \
        }                                                                                    \
      }                                                                                      \
      memcpy(out + start, held, length * sizeof(type));                                      \
    }                                                                                        \
  }

DEFINE_COMBINE(kelip_sum_parts_float, float, a + b)
DEFINE_COMBINE(kelip_sum_parts_double, double, a + b)
DEFINE_COMBINE(kelip_max_parts_double, double, a > b ? a : b)

static inline float widen(uint16_t bits) {
  uint32_t word = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &word, 4);
  return value;
}

// Round to nearest even; a NaN stays a (quiet) NaN.
static inline uint16_t narrow(float value) {
  uint32_t word;
  memcpy(&word, &value, 4);
  uint32_t rounded = (word + 0x7fffu + ((word >> 16) & 1u)) >> 16;
  uint32_t nan = (word >> 16) | 0x40u;
  return (uint16_t)((word & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

CLONES void kelip_narrow(const float *x, uint16_t *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = narrow(x[i]);
}

CLONES void kelip_widen(const uint16_t *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = widen(x[i]);
}

CLONES void kelip_round_to_bf16(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = widen(narrow(x[i]));
}

CLONES void kelip_sum_parts_bf16(const void *const *parts, int part_count, int own, float *out, size_t count) {
  float held[BLOCK];
  for (size_t start = 0; start < count; start += BLOCK) {
    size_t length = count - start < BLOCK ? count - start : BLOCK;
    memset(held, 0, length * sizeof(float));
    for (int k = 0; k < part_count; k++) {
      if (k == own) {
        const float *part = (const float *)parts[k] + start;
        for (size_t i = 0; i < length; i++) held[i] += part[i];
      } else {
        const uint16_t *part = (const uint16_t *)parts[k] + start;
        for (size_t i = 0; i < length; i++) held[i] += widen(part[i]);
      }
    }
    memcpy(out + start, held, length * sizeof(float));
  }
}

CLONES double kelip_squares(const float *x, size_t count) {
  // Eight sums side by side: a fixed order that vectorises.
  double sums[8] = {0};
  size_t whole = count & ~(size_t)7;
  for (size_t i = 0; i < whole; i += 8)
    for (int k = 0; k < 8; k++) sums[k] += (double)x[i + k] * (double)x[i + k];
  for (size_t i = whole; i < count; i++) sums[i - whole] += (double)x[i] * (double)x[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

double kelip_sum_parts_squares(const float *const *parts, int part_count, float *out, size_t count) {
  // Blocks that stay in the first-level cache between the sum and its squares.
  double squares = 0;
  const float *places[256];
  if (part_count > 256) {
    kelip_sum_parts_float(parts, part_count, out, count);
    return kelip_squares(out, count);
  }
  for (size_t start = 0; start < count; start += BLOCK) {
    size_t length = count - start < BLOCK ? count - start : BLOCK;
    for (int k = 0; k < part_count; k++) places[k] = parts[k] + start;
    kelip_sum_parts_float(places, part_count, out + start, length);
    squares += kelip_squares(out + start, length);
  }
  return squares;
}

void kelip_short_sleep(unsigned microseconds) {
  static _Thread_local int has_slack = 0;
  if (!has_slack) {
    // Without it sleeps are longer, nothing else: the status does not matter.
    (void)prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
    has_slack = 1;
  }
  struct timespec pause = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};
  nanosleep(&pause, NULL);
}
