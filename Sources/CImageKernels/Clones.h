#pragma once

/// Compiled once for each of these instruction sets; the loader picks by the processor.
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=sapphirerapids", "arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))
