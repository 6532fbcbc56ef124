#include "CKernels.h"
#include "Vector.h"

CLONES void kelip_adamw(float *restrict w, const float *restrict g, float *restrict m, float *restrict v,
                        int64_t count, const KelipAdamW *settings) {
  const KelipAdamW s = *settings;
  const float keep = 1.0f - s.lr * s.weight_decay, rate = s.lr / s.bias_correction1;
  VECTOR for (int64_t i = 0; i < count; i++) {
    float gradient = g[i] * s.gradient_scale;
    float first = s.beta1 * m[i] + s.rest1 * gradient;
    float second = s.beta2 * v[i] + s.rest2 * gradient * gradient;
    m[i] = first;
    v[i] = second;
    w[i] = w[i] * keep - rate * first / (sqrtf(second) / s.bias_correction2_sqrt + s.eps);
  }
}

CLONES void kelip_adam(float *restrict w, const float *restrict g, float *restrict m, float *restrict v, int64_t count,
                       const KelipAdamW *settings) {
  const KelipAdamW s = *settings;
  const float rate = s.lr / s.bias_correction1;
  VECTOR for (int64_t i = 0; i < count; i++) {
    float gradient = g[i] * s.gradient_scale + s.weight_decay * w[i];
    float first = s.beta1 * m[i] + s.rest1 * gradient;
    float second = s.beta2 * v[i] + s.rest2 * gradient * gradient;
    m[i] = first;
    v[i] = second;
    w[i] -= rate * first / (sqrtf(second) / s.bias_correction2_sqrt + s.eps);
  }
}

// Ratios are summed in 32 bits over short stretches, these in 64.
CLONES double kelip_update_ratio_sum(const float *g, const float *v, int64_t count, const KelipAdamW *settings) {
  const KelipAdamW s = *settings;
  const float least = s.eps * s.eps, correction = 1.0f / (s.bias_correction2_sqrt * s.bias_correction2_sqrt);
  double sum = 0;
  for (int64_t start = 0; start < count; start += 1024) {
    const int64_t end = start + 1024 < count ? start + 1024 : count;
    float part = 0;
#pragma omp simd reduction(+ : part)
    for (int64_t i = start; i < end; i++) {
      float gradient = g[i] * s.gradient_scale;
      float second = (s.beta2 * v[i] + s.rest2 * gradient * gradient) * correction;
      part += gradient * gradient / (second > least ? second : least);
    }
    sum += part;
  }
  return sum;
}
