// What the vector loops share: storage types, conversions and a vectorisable exponential.
#pragma once
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// One binary for every processor: the loader picks the widest clone that the machine has. Levels, not models: a
// hypervisor may name a model that the loader does not know.
#if defined(CLONES)
#elif defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))
// Every loop so marked touches only its own element in each turn, also where output and input are the same memory.
#ifndef VECTOR
#define VECTOR _Pragma("clang loop vectorize(assume_safety) interleave(enable)")
#endif
#define SUMS _Pragma("clang fp reassociate(on) contract(fast)")

typedef struct { uint16_t bits; } bf16;

INLINE float load_bf16(bf16 x) {
  uint32_t word = (uint32_t)x.bits << 16;
  float value;
  memcpy(&value, &word, 4);
  return value;
}

// Round to nearest even; a NaN stays a (quiet) NaN.
INLINE bf16 store_bf16(float x) {
  uint32_t word;
  memcpy(&word, &x, 4);
  uint32_t rounded = (word + 0x7fffu + ((word >> 16) & 1u)) >> 16;
  uint32_t nan = (word >> 16) | 0x40u;
  bf16 result = {(uint16_t)((word & 0x7fffffffu) > 0x7f800000u ? nan : rounded)};
  return result;
}

INLINE float load_f32(float x) { return x; }
INLINE float store_f32(float x) { return x; }

// e^x to 1 ulp or two over the normal range, 0 below −87.3 and capped at e^88.37.
// Cephes' range reduction and polynomial, branch-free so that it vectorises. NaN passes through.
INLINE float fast_exp(float x) {
  float clamped = x > 88.3762589f ? 88.3762589f : x;
  float shifted = clamped * 1.44269504089f + 12582912.0f;
  float n = shifted - 12582912.0f;
  float r = clamped - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  uint32_t word;
  memcpy(&word, &shifted, 4);
  uint32_t exponent = (word + 127u) << 23;
  float power;
  memcpy(&power, &exponent, 4);
  return x < -87.3365f ? 0.0f : p * power;
}

INLINE float sigmoid(float x) { return 1.0f / (1.0f + fast_exp(-x)); }

// tanh to 2 ulp: Cephes' polynomial near 0, where the exponentials cancel; ±1 beyond 9. NaN passes through.
INLINE float fast_tanh(float x) {
  float t = fabsf(x), s = x * x;
  float bounded = t > 10.0f ? 10.0f : t;
  float large = copysignf(1.0f - 2.0f / (fast_exp(2.0f * bounded) + 1.0f), x);
  float small = -5.70498872745e-3f;
  small = small * s + 2.06390887954e-2f;
  small = small * s - 5.37397155531e-2f;
  small = small * s + 1.33314422036e-1f;
  small = small * s - 3.33332819422e-1f;
  small = small * s * x + x;
  return t > 0.625f ? large : small;
}

// erf to about 1e-7 (N. Juffa's two-branch minimax form), branch-free.
INLINE float fast_erf(float x) {
  float t = fabsf(x), s = x * x;
  float large = -1.72853470e-5f;
  large = large * t + 3.83197126e-4f;
  float u = -3.88396438e-3f * t + 2.42546219e-2f;
  large = large * s + u;
  large = large * t - 1.06777877e-1f;
  large = large * t - 6.34846687e-1f;
  large = large * t - 1.28717512e-1f;
  large = large * t - t;
  large = copysignf(1.0f - fast_exp(large), x);
  float small = -5.96761703e-4f;
  small = small * s + 4.99119423e-3f;
  small = small * s - 2.67681349e-2f;
  small = small * s + 1.12819925e-1f;
  small = small * s - 3.76125336e-1f;
  small = small * s + 1.28379166e-1f;
  small = small * x + x;
  return t > 0.921875f ? large : small;
}
