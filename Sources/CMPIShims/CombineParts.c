#include "CMPIShims.h"

#include <string.h>
#include <sys/prctl.h>
#include <time.h>

// Elements that are combined at a time: the partial result stays in the first-level cache, and `out` is written
// only when every part of the block has been read, so it may be one of them.
enum { BLOCK = 1024 };

#define DEFINE_COMBINE(name, type, EXPRESSION)                                               \
  void name(const type *const *parts, int part_count, type *out, size_t count) {             \
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
