#define _GNU_SOURCE
#include "CMPIShims.h"

#include <sched.h>
#include <string.h>

_Static_assert(sizeof(cpu_set_t) == KELIP_CORE_BYTES, "a set of cores fits");

int kelip_allowed_cores(uint8_t *bits) {
  cpu_set_t set;
  CPU_ZERO(&set);
  int status = sched_getaffinity(0, sizeof set, &set);
  memset(bits, 0, KELIP_CORE_BYTES);
  for (int core = 0; core < CPU_SETSIZE; core++)
    if (CPU_ISSET(core, &set)) bits[core / 8] |= (uint8_t)(1 << core % 8);
  return status;
}

int kelip_bind_thread(int thread, const uint8_t *bits) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int core = 0; core < CPU_SETSIZE; core++)
    if (bits[core / 8] >> core % 8 & 1) CPU_SET(core, &set);
  return sched_setaffinity(thread, sizeof set, &set);
}
