// What a processor has, asked once a process.
#pragma once

// `state` starts at −1.
static inline int ask_once(int *state, int (*ask)(void)) {
  int known = __atomic_load_n(state, __ATOMIC_RELAXED);
  if (known < 0) {
    known = ask();
    __atomic_store_n(state, known, __ATOMIC_RELAXED);
  }
  return known;
}
